import { unlink } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { queueNames } from "@centralcloud/contracts";
import {
  countDeadLetters,
  type DeadLetterFilter,
  exportDeadLetters,
  locateWaiting,
} from "@centralcloud/dead-letters";
import {
  type AskOptions,
  askFilteredDeadLetters,
  defaultTimeoutS,
  describeSilence,
} from "@centralcloud/inspect";
import { createPool, endPool } from "@centralcloud/postgres";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { createSecretFile } from "../../files.ts";
import { canShowStatus, print, printError } from "../../output.ts";
import { interruptible, reportProgress } from "../../progress.ts";
import {
  type Answers,
  assertComplete,
  type KnownSource,
  readSourceUrls,
  type Silence,
  type SourceOptions,
  timeoutOption,
} from "../../sources.ts";
import { writeToStandardOutput } from "../../stream-output.ts";
import { readRequest } from "./action.ts";
import { showRevealed } from "./reveal.ts";
import { deadLetterAnswerBytes, readUsage } from "./scope.ts";
import { addFilterOptions, askingOf, type FilterOptions, readFilter } from "./selection.ts";

interface ExportOptions extends FilterOptions, SourceOptions {
  readonly out?: string;
  readonly reason: string;
  readonly actor?: string;
  readonly json?: true;
}

export function exportCommand(environment: Environment): Command {
  const command = new Command("export").description(
    "writes dead letters whole, as JSON lines that `dlq import` takes, which is recorded; moves nothing",
  );
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .option("--out <file>", "a new file that only you may read; default: standard output")
    .option("--reason <why>", "why you look; kept in central.operator_actions", "an export")
    .option("--actor <who>", "who looks; default: your user and host")
    .option("--json", "with --out: what was done, as one JSON document")
    .action(async (options: ExportOptions) => {
      if (options.out === undefined && process.stdout.isTTY) {
        command.error(
          "error: an export holds whole messages, and a terminal keeps what it shows: give --out, or a pipe",
        );
      }
      const filter = await readUsage(command, () => readFilter(options));
      const request = await readUsage(command, () => readRequest(options));
      const { source: sources, queue: queues, out } = options;
      const selection = { of: "dlq export", ...filter, sources, queues, out };
      const isOnRecord = hasCentralStore(environment);
      if (!isOnRecord) printError(notOnRecord);
      await readUsage(command, () =>
        showRevealed(environment, isOnRecord ? request : undefined, selection, () =>
          interruptible((signal) => exportAll(environment, options, filter, signal)),
        ),
      );
    });
}

/** An export of sources alone is possible where no central store is known, for example because it is lost. */
function hasCentralStore(environment: Environment): boolean {
  return ["CENTRAL_DATABASE_URL", "CENTRAL_DATABASE_URL_FILE"].some((name) => environment[name]);
}

const notOnRecord =
  "not on record: CENTRAL_DATABASE_URL is not set, and the record is in the central store";

const interrupted =
  "interrupted; nothing was changed, and no half file is left: give the command again";

/** @throws {SelectionError} {@link SourcesMissingError} once the dead letters of the others are exported. */
async function exportAll(
  environment: Environment,
  options: ExportOptions,
  filter: DeadLetterFilter,
  signal: AbortSignal,
): Promise<void> {
  const { out, json } = options;
  const asked = await findSources(environment, options, filter);
  const silences: { unreachable: Silence[]; failed: Silence[] } = {
    unreachable: [...asked.unreachable],
    failed: [...asked.failed],
  };
  const total = asked.answers.reduce((sum, source) => sum + (source.deadLetters ?? 0), 0);
  let deadLetters = 0;
  const lines = async function* () {
    for (const source of asked.answers) {
      try {
        for await (const line of exportSource(source, options, filter)) {
          if (signal.aborted) break;
          deadLetters += 1;
          if (canShowStatus()) reportProgress({ done: deadLetters, total, unit: "dead letters" });
          yield `${line}\n`;
        }
      } catch (error) {
        // Those of the others are exported nevertheless.
        const { silence, isUnreachable } = describeSilence(source.name, error);
        silences[isUnreachable ? "unreachable" : "failed"].push(silence);
      }
      if (signal.aborted) throw new Error(interrupted);
    }
  };
  if (asked.answers.length === 0) return assertComplete(asked);
  if (out === undefined) await writeToStandardOutput(lines());
  else {
    const { handle, path } = await createSecretFile(environment, out);
    try {
      await pipeline(lines(), handle.createWriteStream());
    } catch (error) {
      // Half an export would pass for a whole one.
      await unlink(path);
      throw error;
    }
    const text = `exported ${deadLetters} dead letters to ${path}`;
    const missing = silences.unreachable.length + silences.failed.length > 0 ? silences : {};
    print(json ? JSON.stringify({ deadLetters, file: path, ...missing }) : text);
  }
  assertComplete({ answers: [], ...silences });
}

/** A source whose dead letters are exported. */
interface ExportedSource extends KnownSource {
  /** How many there are; undefined where nobody sees how far the export is. */
  readonly deadLetters: number | undefined;
}

/** Which sources can be asked for their dead letters; a lock that somebody has on one is met here. @throws {SelectionError} */
function findSources(
  environment: Environment,
  options: ExportOptions,
  filter: DeadLetterFilter,
): Promise<Answers<ExportedSource>> {
  const urls = readSourceUrls(environment);
  return askFilteredDeadLetters(urls, askingOf(options), filter, async (scope, source) => {
    await locateWaiting(scope);
    const counts = canShowStatus() ? await countDeadLetters(scope, filter) : undefined;
    return { ...source, deadLetters: counts?.reduce((sum, { count }) => sum + count, 0) };
  });
}

/** Each of its statements may take as long as a source may take to answer. */
async function* exportSource(
  { url, sourceId, name }: KnownSource,
  { queue: queues = queueNames, timeout = defaultTimeoutS }: ExportOptions & AskOptions,
  filter: DeadLetterFilter,
): AsyncGenerator<string> {
  const pool = createPool(url, {
    applicationName: "centralcloud-dlq",
    max: 1,
    answerBytes: deadLetterAnswerBytes,
    queryTimeoutMs: timeout * 1_000,
  });
  try {
    const scope = { sources: [{ sourceId, name, pool }], queues };
    yield* exportDeadLetters(scope, filter, { reasonsAreKnown: true });
  } finally {
    await endPool(pool, 1_000);
  }
}
