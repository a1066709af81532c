import { unlink } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { queueNames } from "@centralcloud/contracts";
import {
  exportLetters,
  findUnknownReasons,
  type LetterFilter,
  type LetterScope,
  locateWaiting,
  unknownReason,
} from "@centralcloud/dead-letters";
import { type AskOptions, defaultTimeoutS, describeSilence } from "@centralcloud/inspect";
import { createPool, endPool } from "@centralcloud/postgres";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { createSecretFile } from "../../files.ts";
import { print } from "../../output.ts";
import {
  type Answers,
  askSources,
  assertComplete,
  type KnownSource,
  readSourceUrls,
  type Silence,
  type SourceOptions,
  timeoutOption,
} from "../../sources.ts";
import { writeToStandardOutput } from "../../stream-output.ts";
import { letterAnswerBytes, readUsage } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter } from "./selection.ts";

interface ExportOptions extends FilterOptions, SourceOptions {
  readonly out?: string;
  readonly json?: true;
}

export function exportCommand(environment: Environment): Command {
  const command = new Command("export").description(
    "writes letters as JSON lines, which `dlq import` takes; changes nothing",
  );
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .option("--out <file>", "a new file that only you may read; default: standard output")
    .option("--json", "with --out: what was done, as one JSON document")
    .action(async (options: ExportOptions) => {
      const { out, json } = options;
      const filter = await readUsage(command, () => readFilter(options));
      const asked = await readUsage(command, () => findSources(environment, options, filter));
      const silences: { unreachable: Silence[]; failed: Silence[] } = {
        unreachable: [...asked.unreachable],
        failed: [...asked.failed],
      };
      let letters = 0;
      const lines = async function* () {
        for (const source of asked.answers) {
          try {
            for await (const line of exportSource(source, options, filter)) {
              letters += 1;
              yield `${line}\n`;
            }
          } catch (error) {
            // Those of the others are exported all the same.
            const { silence, isUnreachable } = describeSilence(source.name, error);
            silences[isUnreachable ? "unreachable" : "failed"].push(silence);
          }
        }
      };
      if (asked.answers.length === 0) return assertComplete(asked);
      // A mistake in the filter may be met by a source only.
      if (out === undefined) await readUsage(command, () => writeToStandardOutput(lines()));
      else {
        const { handle, path } = await createSecretFile(environment, out);
        try {
          await readUsage(command, () => pipeline(lines(), handle.createWriteStream()));
        } catch (error) {
          // Half an export would pass for a whole one.
          await unlink(path);
          throw error;
        }
        const text = `exported ${letters} letters to ${path}`;
        const missing = silences.unreachable.length + silences.failed.length > 0 ? silences : {};
        print(json ? JSON.stringify({ letters, file: path, ...missing }) : text);
      }
      assertComplete({ answers: [], ...silences });
    });
}

/** Which sources can be asked for their letters; a lock that somebody has on one is met here. @throws {SelectionError} */
async function findSources(
  environment: Environment,
  { queue: queues = queueNames, source, timeout }: ExportOptions,
  filter: LetterFilter,
): Promise<Answers<KnownSource>> {
  const asking = {
    ...(source === undefined ? {} : { source }),
    ...(timeout === undefined ? {} : { timeout }),
  };
  const urls = readSourceUrls(environment);
  const asked = await askSources(urls, asking, async ({ url, sourceId, name, pool }) => {
    const scope: LetterScope = { sources: [{ sourceId, name, pool }], queues };
    await locateWaiting(scope);
    const unknown = await findUnknownReasons(scope, filter);
    return { source: { url, sourceId, name }, unknown };
  });
  const unknown = filter.reasons?.find((reason) =>
    asked.answers.every((one) => one.unknown.includes(reason)),
  );
  if (unknown !== undefined && asked.unreachable.length + asked.failed.length === 0) {
    throw unknownReason(unknown);
  }
  return { ...asked, answers: asked.answers.map((one) => one.source) };
}

/** Each of its statements may take as long as a source may take to answer. */
async function* exportSource(
  { url, sourceId, name }: KnownSource,
  { queue: queues = queueNames, timeout = defaultTimeoutS }: ExportOptions & AskOptions,
  filter: LetterFilter,
): AsyncGenerator<string> {
  const pool = createPool(url, {
    applicationName: "centralcloud-dlq",
    max: 1,
    answerBytes: letterAnswerBytes,
    queryTimeoutMs: timeout * 1_000,
  });
  try {
    const scope = { sources: [{ sourceId, name, pool }], queues };
    yield* exportLetters(scope, filter, { reasonsAreKnown: true });
  } finally {
    await endPool(pool, 1_000);
  }
}
