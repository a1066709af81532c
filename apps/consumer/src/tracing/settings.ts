import { flag, wholeNumber } from "@centralcloud/service";
import { z } from "zod";

const protocol = z
  .enum(["http/protobuf", "http/json"], { error: "must be http/protobuf or http/json" })
  .optional();

const url = z
  .url({ protocol: /^https?$/, error: "must be a URL like http://host:4318" })
  .optional();

const headers = z
  .string()
  .refine(isHeaders, "must be pairs like name=value, percent-encoded and separated by commas")
  .optional();

/**
 * The variables of OpenTelemetry's specification that decide whether and where spans go. All others that its
 * SDK knows (sampler, resource, timeouts) it reads itself.
 */
export const tracingVariables = {
  OTEL_SDK_DISABLED: flag(false),
  OTEL_TRACES_EXPORTER: z.enum(["otlp", "none"], { error: "must be otlp or none" }).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_HEADERS: headers,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers,
  /** Shorter than the specification's ten seconds: a stop waits for the last export. */
  OTEL_EXPORTER_OTLP_TIMEOUT: wholeNumber(1, 60_000, 1_500),
  OTEL_SPAN_LINK_COUNT_LIMIT: wholeNumber(0, 10_000, 10_000),
};

export interface TracingSettings {
  /** Where spans are posted to; undefined: the exporter's default, a collector on this host. */
  readonly url?: string;
  readonly protocol: "http/protobuf" | "http/json";
  /** May hold a secret. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long one export may take, retries included. */
  readonly timeoutMs: number;
  /** Links of a span at most: the producers that a batch is linked to. */
  readonly linkLimit: number;
}

type TracingValues = z.output<z.ZodObject<typeof tracingVariables>>;

/** Undefined where no spans are asked for: then nothing of OpenTelemetry is even loaded. */
export function readTracingSettings(values: TracingValues): TracingSettings | undefined {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const fromBase = base === undefined ? undefined : `${base.replace(/\/$/, "")}/v1/traces`;
  const endpoint = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? fromBase;
  const exporter = values.OTEL_TRACES_EXPORTER;
  if (values.OTEL_SDK_DISABLED || exporter === "none") return undefined;
  if (endpoint === undefined && exporter === undefined) return undefined;
  const pairs = values.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? values.OTEL_EXPORTER_OTLP_HEADERS;
  return {
    ...(endpoint === undefined ? {} : { url: endpoint }),
    ...(pairs === undefined ? {} : { headers: parseHeaders(pairs) }),
    protocol:
      values.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ??
      values.OTEL_EXPORTER_OTLP_PROTOCOL ??
      "http/protobuf",
    timeoutMs: values.OTEL_EXPORTER_OTLP_TIMEOUT,
    linkLimit: values.OTEL_SPAN_LINK_COUNT_LIMIT,
  };
}

function isHeaders(pairs: string): boolean {
  if (!/^[^=,\s]+=[^,]*(,\s*[^=,\s]+=[^,]*)*$/.test(pairs)) return false;
  try {
    parseHeaders(pairs);
    return true;
  } catch {
    return false; // What it decodes to is no UTF-8.
  }
}

/** As W3C's baggage has it: values are percent-encoded. */
function parseHeaders(pairs: string): Record<string, string> {
  const entries = pairs.split(",").map((pair) => {
    const [name = "", ...value] = pair.trim().split("=");
    return [name, decodeURIComponent(value.join("="))];
  });
  return Object.fromEntries(entries);
}
