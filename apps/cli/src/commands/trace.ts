import { databaseVariables } from "@centralcloud/consumer";
import { SelectionError } from "@centralcloud/dead-letters";
import { sourcesAtATime } from "@centralcloud/inspect";
import { assertReachable, createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import {
  momentAt,
  parseMessage,
  parseTraceTime,
  shifted,
  type Trace,
  type TraceQuestion,
  type TraceSubject,
  type TraceTime,
  trace,
} from "@centralcloud/trace";
import { Command, InvalidArgumentError, Option } from "commander";
import { print } from "../output.ts";
import { formatTraceJson, formatTraceText } from "../show-trace.ts";
import {
  askSources,
  assertComplete,
  isOutOfReach,
  type SourceOptions,
  sourceOption,
} from "../sources.ts";
import { type RevealOptions, readReveal } from "./dlq/reveal.ts";
import { wholeNumberUpTo } from "./dlq/selection.ts";
import { duration } from "./options.ts";
import { readTogether } from "./read-together.ts";

interface TraceOptions extends SourceOptions, RevealOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly message?: string;
  readonly at?: TraceTime;
  readonly around: number;
  readonly from?: TraceTime;
  readonly to?: TraceTime;
  readonly limit: number;
  readonly json?: true;
}

/** Seconds that a source may take: so that forty of them, some of them away, are asked within three. */
const defaultTimeoutS = 2.5;

const times = "14:02 (here), 2026-01-31T12:00:00Z, or 2h for two hours ago";

const help = `
Give one of --agent, --session and --message. Without a time, all that is known
is told; with one, a message that anything happened to then is told whole. Every
source is asked, and the central store. Contents are masked; --reveal shows them.

Times on the screen are UTC, each by the clock of the database that tells it. A
time of day is the last one that there was, in the time zone of this machine (TZ).

What is not known is a line of its own: what was pruned, what is not kept any
more, where nothing was captured, what could not be asked, and what there was no
time to search. Exit code 3: a database did not answer; all that the others
know is shown.
`;

export function traceCommand(environment: Environment): Command {
  const command = new Command("trace").description(
    "what happened to a message, an agent or a session: one timeline of all that is known, and what is not",
  );
  const timeout = new Option("--timeout <duration>", "how long each database may take to answer")
    .default(defaultTimeoutS, `${defaultTimeoutS}s`)
    .argParser(duration);
  return command
    .option("--agent <id>", "everything of this agent: its agent_id")
    .option("--session <id>", "everything of this session: its id, as `sessions list` shows it")
    .option(
      "--message <id>",
      "this message: msgId of the log, which `dlq list` shows as message, or the ULID of its header message_id",
    )
    .option("--at <time>", `around this time: ${times}`, traceTime)
    .addOption(
      new Option("--around <duration>", "how long before and after --at")
        .default(300, "5m")
        .argParser(duration),
    )
    .option("--from <time>", "what happened then or later", traceTime)
    .option("--to <time>", "what happened then or before", traceTime)
    .addOption(sourceOption())
    .option("--limit <count>", "events at most, the newest", wholeNumberUpTo(10_000), 500)
    .addOption(timeout)
    .option(
      "--reveal",
      "shows contents, too; needs --reason, and is kept in central.operator_actions",
    )
    .option("--reason <why>", "with --reveal: why you look")
    .option("--actor <who>", "with --reveal: who looks; default: your user and host")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", help)
    .action(async (options: TraceOptions) => {
      const { question, request, databases } = await readTogether({
        question: () => readQuestion(options),
        request: () => readReveal(options),
        databases: () => parseConfiguration(databaseVariables, environment),
      });
      const found = await ask(question, options, {
        sourceUrls: databases.SOURCE_DATABASE_URLS,
        centralUrl: databases.CENTRAL_DATABASE_URL,
        ...(request === undefined ? {} : { request }),
      });
      print(options.json ? formatTraceJson(found) : formatTraceText(question, found));
      assertComplete({ ...found, answers: [] });
    });
}

interface Databases {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
  readonly request?: ReturnType<typeof readReveal>;
}

async function ask(
  question: TraceQuestion,
  { source, timeout = defaultTimeoutS, limit }: TraceOptions,
  { sourceUrls, centralUrl, request }: Databases,
): Promise<Trace> {
  const timeoutMs = timeout * 1_000;
  const central = createPool(centralUrl, {
    applicationName: "centralcloud-cli",
    max: 2,
    queryTimeoutMs: timeoutMs + 2_000,
    // The store is ours, and how much of it is told is bounded.
    answerBytes: 64 * 1024 * 1024,
  });
  const chosen = source === undefined ? {} : { source };
  try {
    return await trace(question, {
      central,
      centralName: withoutSecrets(centralUrl),
      timeoutMs,
      limit,
      rounds: source === undefined ? Math.ceil(sourceUrls.length / sourcesAtATime) : 1,
      ...(source === undefined ? {} : { sources: source }),
      ...(request === undefined ? {} : { reveal: request }),
      askSources: (work) =>
        askSources(sourceUrls, { ...chosen, timeout }, (one) =>
          work({ sourceId: one.sourceId, name: one.name, pool: one.pool }, one.signal),
        ),
    });
  } catch (error) {
    if (isOutOfReach(error)) await assertReachable([centralUrl]);
    throw error;
  } finally {
    await endPool(central, 0);
  }
}

/** @throws {SelectionError} */
function readQuestion(options: TraceOptions): TraceQuestion {
  const now = new Date();
  const { at, from, to, around } = options;
  const subject = readSubject(options);
  if (at !== undefined && (from !== undefined || to !== undefined)) {
    throw new SelectionError("give --at, or --from and --to, not both");
  }
  const moment = (time: TraceTime | undefined) => (time === undefined ? null : momentAt(time, now));
  const middle = moment(at);
  const window =
    middle === null
      ? { from: moment(from), to: moment(to) }
      : { from: shifted(middle, -around), to: shifted(middle, around) };
  if (window.from !== null && window.to !== null && window.from > window.to) {
    throw new SelectionError(`--from ${window.from} is after --to ${window.to}`);
  }
  return { subject, window };
}

function readSubject({ agent, session, message }: TraceOptions): TraceSubject {
  const given = [
    ...(agent === undefined ? [] : [{ agent }]),
    ...(session === undefined ? [] : [{ session }]),
    ...(message === undefined ? [] : [parseMessage(message)]),
  ];
  const [subject, ...others] = given;
  if (subject === undefined || others.length > 0) {
    throw new SelectionError("say of what: one of --agent, --session and --message");
  }
  if (Object.values(subject).includes("")) throw new SelectionError("an id can't be empty");
  return subject;
}

function traceTime(text: string): TraceTime {
  try {
    return parseTraceTime(text);
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no time like ${times}.`);
  }
}
