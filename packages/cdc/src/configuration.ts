import { databaseUrl, databaseUrls } from "@centralcloud/postgres";
import { flag, wholeNumber } from "@centralcloud/service";
import { z } from "zod";
import { type CapturedTables, createCapturedTables, defaultTables } from "./captured-tables.ts";
import type { PluginChoice } from "./slot/create-slot.ts";
import { changeBytes, defaultChangeBytes } from "./stream/change-gauge.ts";

const identifier = "[a-z_][a-z0-9_]*";
const table = new RegExp(`^(${identifier}\\.)?${identifier}$`);
const column = new RegExp(`^(${identifier}\\.)?${identifier}\\.${identifier}$`);

function list(pattern: RegExp, sentence: string) {
  return z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ""))
    .refine((parts) => parts.length > 0 && parts.every((part) => pattern.test(part)), sentence)
    .optional();
}

/** The variables of a capture; the two that name databases default to those of the consumer. */
export const captureVariables = {
  CDC_ENABLED: flag(false),
  CDC_TABLES: list(table, "must be names of tables, separated by commas: learned_patterns,agents"),
  CDC_LEFT_OUT_COLUMNS: list(column, "must be columns, separated by commas: agents.known_patterns"),
  CDC_OUTPUT_PLUGIN: z
    .enum(["auto", "wal2json", "pgoutput"], { error: "must be auto, wal2json or pgoutput" })
    .default("auto"),
  CDC_MAX_CHANGE_BYTES: wholeNumber(changeBytes.least, changeBytes.most, defaultChangeBytes),
  CDC_RETENTION_DAYS: wholeNumber(1, 36_500, 90),
  CDC_SOURCE_DATABASE_URLS: databaseUrls().optional(),
  CDC_CENTRAL_DATABASE_URL: databaseUrl().optional(),
};

/** What a capture does, wherever its databases are. */
export interface CaptureSettings {
  readonly enabled: boolean;
  readonly tables: CapturedTables;
  /** What makes the slot, where there is none. */
  readonly plugin: PluginChoice;
  /** Bytes of one change; what holds more is a fault of its source. */
  readonly maxChangeBytes: number;
  /** Days that the change log goes back. */
  readonly keepDays: number;
  /** Only where they are not those of the consumer: other logins, with the rights that capturing takes. */
  readonly sourceUrls?: readonly string[];
  readonly centralUrl?: string;
}

export interface CaptureConfiguration extends CaptureSettings {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
}

type CaptureValues = z.output<z.ZodObject<typeof captureVariables>>;

export function readCaptureSettings(values: CaptureValues): CaptureSettings {
  const { CDC_SOURCE_DATABASE_URLS: sourceUrls, CDC_CENTRAL_DATABASE_URL: centralUrl } = values;
  return {
    enabled: values.CDC_ENABLED,
    tables: createCapturedTables(
      values.CDC_TABLES ?? defaultTables,
      values.CDC_LEFT_OUT_COLUMNS ?? [],
    ),
    plugin: values.CDC_OUTPUT_PLUGIN,
    maxChangeBytes: values.CDC_MAX_CHANGE_BYTES,
    keepDays: values.CDC_RETENTION_DAYS,
    ...(sourceUrls === undefined ? {} : { sourceUrls }),
    ...(centralUrl === undefined ? {} : { centralUrl }),
  };
}
