import {
  contractFor,
  isQueueName,
  maskErrorText,
  maskJson,
  type QueueName,
  queueNames,
  shownHeaders,
} from "@centralcloud/contracts";
import {
  type PeekedMessage,
  peekQueue,
  type QueueRate,
  readDeliveryFailures,
  readQueueRates,
  readQueues,
} from "@centralcloud/inspect";
import { type Environment, shellWord, shorten } from "@centralcloud/service";
import { Command, InvalidArgumentError, Option } from "commander";
import { formatTable } from "../format-table.ts";
import { print } from "../output.ts";
import { rawOrNull, writeJson } from "../raw-json.ts";
import { showPage, showRows, showText, withMissing } from "../show-answers.ts";
import {
  addSourceOptions,
  assertComplete,
  readSourceUrls,
  type SourceOptions,
  timeoutOption,
} from "../sources.ts";
import { readCentralUrl } from "./central.ts";
import { deadLetterId, wholeNumberUpTo } from "./dlq/selection.ts";
import { duration } from "./options.ts";
import { meaningOf, watchQueues } from "./queues/watch.ts";

interface QueuesOptions extends SourceOptions {
  readonly json?: boolean;
  readonly watch?: number;
}

/** Seconds between two looks. */
const defaultWatchS = 2;

export function queuesCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("queues").description("what waits in each queue of each source"),
  )
    .option(
      "--watch [duration]",
      `shows it again and again, with rates, until Ctrl-C; default: every ${defaultWatchS} s`,
      duration,
    )
    .option("--json", "one JSON document on standard output; with --watch one a line")
    .action(async ({ json = false, watch, ...options }: QueuesOptions & { watch?: true }) => {
      const urls = readSourceUrls(environment);
      if (watch !== undefined) {
        const everyS = typeof watch === "number" ? watch : defaultWatchS;
        return await watchQueues(urls, options, { everyS, json });
      }
      const asked = await readQueues(urls, options);
      showRows(asked, { json, name: "queues", describe: (report) => report, meaningOf });
    })
    .addCommand(peekCommand(environment))
    .addCommand(ratesCommand(environment))
    .addCommand(failuresCommand(environment))
    .enablePositionalOptions();
}

function queueName(text: string): QueueName {
  if (isQueueName(text)) return text;
  throw new InvalidArgumentError(`There are: ${queueNames.join(", ")}.`);
}

interface PeekOptions extends SourceOptions {
  readonly limit: number;
  readonly after?: string;
  readonly bodies?: true;
  readonly json?: true;
}

/** Of one body, where bodies are asked for. */
const bodyBytes = 65_536;

function peekCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("peek").description(
      "the next messages of a queue as they stand, oldest first: takes none, hides none, counts no read",
    ),
  )
    .argument("<queue>", queueNames.join(", "), queueName)
    .option("--limit <number>", "messages of each source at most", wholeNumberUpTo(1000), 20)
    .option("--after <id>", "those after this message", deadLetterId)
    .option(
      "--bodies",
      `their contents, too, masked, up to ${bodyBytes} bytes each; those of sessions never`,
    )
    .option("--json", "one JSON document on standard output")
    .action(async (queue: QueueName, { limit, after, bodies, json, ...options }: PeekOptions) => {
      const asked = await peekQueue(readSourceUrls(environment), options, {
        queue,
        limit: limit + 1,
        ...(after === undefined ? {} : { after }),
        ...(bodies ? { bodyBytes } : {}),
      });
      const pages = asked.answers.map((rows) => rows.slice(0, limit));
      const messages = pages.flat();
      // Each source gives its messages ids of its own, so each has a next page of its own.
      const more = asked.answers.flatMap((rows, index) => {
        const last = rows.length > limit ? pages[index]?.at(-1) : undefined;
        const { source = "", msgId } = last ?? {};
        return last === undefined ? [] : [`more: --source ${shellWord(source)} --after ${msgId}`];
      });
      if (json) print(withMissing(asked, "messages", writeJson(messages.map(withTexts))));
      else {
        const table = formatTable(messages.map(describeMessage));
        showText(asked, [table, ...(more.length > 0 ? ["", ...more] : [])].join("\n"));
      }
      assertComplete(asked);
    });
}

function withTexts({ headers, body, session, ...message }: PeekedMessage) {
  return {
    ...message,
    headers: rawOrNull(headers === null ? null : maskJson(headers, shownHeaders)),
    body: rawOrNull(maskedBody({ queue: message.queue, body })),
    session: rawOrNull(session),
  };
}

function maskedBody({ queue, body }: Pick<PeekedMessage, "queue" | "body">): string | null {
  return body === null ? null : maskJson(body, contractFor(queue).shown);
}

function describeMessage(message: PeekedMessage) {
  const { source, msgId, enqueuedAt, visibleAt, readCount, bytes, session } = message;
  const what = maskedBody(message) ?? session;
  return {
    source: shorten(source, 40),
    id: msgId,
    queued: enqueuedAt.slice(0, 19),
    visible: visibleAt.slice(0, 19),
    reads: readCount,
    bytes,
    ...(what === null ? {} : { message: shorten(what, 100) }),
  };
}

interface RatesOptions extends SourceOptions {
  readonly queue?: readonly QueueName[];
  readonly for: number;
  readonly every: number;
  readonly json?: true;
}

function ratesCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("rates").description(
      "what each queue delivered over time, and how long that took, by what its archives have",
    ),
  )
    .addOption(
      new Option("--queue <name>", "of this queue; may be repeated").argParser(
        (text: string, before: readonly QueueName[] = []) => [...before, queueName(text)],
      ),
    )
    .option("--for <duration>", "how far back", duration, 3_600)
    .option("--every <duration>", "how long each line is about; from 1s", everyDuration, 300)
    .option("--json", "one JSON document on standard output")
    .action(async ({ queue, for: forS, every, json, ...options }: RatesOptions) => {
      const asked = await readQueueRates(readSourceUrls(environment), options, {
        forS,
        everyS: every,
        ...(queue === undefined ? {} : { queues: queue }),
      });
      showRows(asked, { json: json === true, name: "rates", describe: describeRate });
    });
}

function everyDuration(text: string): number {
  const seconds = duration(text);
  if (seconds >= 1) return seconds;
  throw new InvalidArgumentError("It must be 1s or more.");
}

function describeRate(rate: QueueRate) {
  const seconds = (value: number | null) =>
    value === null ? null : Math.round(value * 1_000) / 1_000;
  return {
    source: shorten(rate.source, 40),
    queue: rate.queue,
    at: rate.at,
    merged: rate.merged,
    perSecond: Math.round(rate.perSecond * 100) / 100,
    p50: seconds(rate.latencyP50),
    p95: seconds(rate.latencyP95),
    most: seconds(rate.latencyMax),
    dead: rate.deadLettered,
  };
}

interface FailuresOptions {
  readonly source?: string;
  readonly queue?: QueueName;
  readonly before?: string;
  readonly limit: number;
  readonly timeout?: number;
  readonly json?: true;
}

function failuresCommand(environment: Environment): Command {
  return new Command("failures")
    .description(
      "attempts that failed, newest first, of messages that are neither merged nor dead-lettered yet",
    )
    .option("--source <name>", "of this source only, by name or id")
    .option("--queue <name>", "of this queue only", queueName)
    .option("--before <id>", "those before this one", deadLetterId)
    .option("--limit <number>", "failures of a page", wholeNumberUpTo(1000), 50)
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async ({ timeout, json, limit, ...filter }: FailuresOptions) => {
      const url = readCentralUrl(environment);
      const asked = await readDeliveryFailures(url, timeout === undefined ? {} : { timeout }, {
        ...filter,
        limit: limit + 1,
      });
      const rows = asked.answers.flat();
      const failures = rows
        .slice(0, limit)
        .map((row) => ({ ...row, error: maskErrorText(row.error) }));
      const next = rows.length > limit ? (failures.at(-1)?.id ?? null) : null;
      showPage(asked, failures, {
        json: json === true,
        name: "failures",
        extra: { next },
        more: next === null ? null : `--before ${next}`,
        describe: ({ source, queue, msgId, attempt, failedAt, code, error, consumer }) => ({
          source: shorten(source, 40),
          queue,
          message: msgId,
          attempt,
          failed: failedAt.slice(0, 19),
          code: shorten(code, 30),
          error: shorten(error, 80),
          consumer: consumer?.slice(0, 8) ?? null,
        }),
      });
    });
}
