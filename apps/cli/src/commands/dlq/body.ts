import { queueNames } from "@centralcloud/contracts";
import { locateDeadLetterBodies, placeOf, streamDeadLetterBody } from "@centralcloud/dead-letters";
import { createPool, endPool } from "@centralcloud/postgres";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import {
  askSources,
  assertComplete,
  readSourceUrls,
  type SourceOptions,
  timeoutOption,
} from "../../sources.ts";
import { writeToStandardOutput } from "../../stream-output.ts";
import { type RevealOptions, readRevealed, recordReveal } from "./reveal.ts";
import { deadLetterAnswerBytes, readDatabases, readUsage, withCentral } from "./scope.ts";
import { addScopeOptions, deadLetterId, type ScopeOptions } from "./selection.ts";

interface BodyOptions extends ScopeOptions, SourceOptions, RevealOptions {}

/** Of a part of a body that is longer than any part should be. */
const partTimeoutMs = 60_000;

export function bodyCommand(environment: Environment): Command {
  const command = new Command("body")
    .description(
      "the body of one dead letter, however long: its JSON text as the database has it, with nothing masked",
    )
    .argument("<id>", "the id of the dead letter: that of `dlq list`", deadLetterId);
  return addScopeOptions(command)
    .addOption(timeoutOption())
    .option(
      "--reveal",
      "needed: contents are shown unmasked, and that is kept in central.operator_actions",
    )
    .option("--reason <why>", "why you look")
    .option("--actor <who>", "who looks; default: your user and host")
    .option("--json", "the same: a body is JSON in any case")
    .action(async (id: string, { queue, ...options }: BodyOptions) => {
      const request = await readUsage(command, () => readRevealed(options));
      readDatabases(environment);
      const queues = queue ?? queueNames;
      const asked = await askSources(readSourceUrls(environment), options, async (source) =>
        (await locateDeadLetterBodies(source, queues, id)).map((found) => ({ source, ...found })),
      );
      const all = asked.answers.flat();
      const waiting = all.filter(({ isArchived }) => !isArchived);
      const [found, ...others] = waiting.length > 0 ? waiting : all;
      if (found === undefined) {
        // It may be at a source that did not answer.
        assertComplete(asked);
        throw new Error(`there is no dead letter ${id}, neither waiting nor archived`);
      }
      if (others.length > 0) {
        const places = [found, ...others].map((one) => `${one.queue} of ${one.source.name}`);
        command.error(
          `error: several queues have a dead letter ${id}; choose one by --queue and --source: ${places.join(", ")}`,
        );
      }
      const { url, sourceId, name } = found.source;
      const pool = createPool(url, {
        applicationName: "centralcloud-dlq",
        max: 1,
        answerBytes: deadLetterAnswerBytes,
        queryTimeoutMs: partTimeoutMs,
      });
      try {
        const place = placeOf({ sourceId, name, pool }, found.queue);
        const { isArchived } = found;
        const text = async function* () {
          yield* streamDeadLetterBody(place, { id, isArchived });
          yield "\n";
        };
        const ids = { ids: [id], queues: [found.queue], sources: [name], sourceId };
        await withCentral(environment, (central) =>
          recordReveal(central, request, ids, () => writeToStandardOutput(text())),
        );
      } finally {
        await endPool(pool, 1_000);
      }
      assertComplete(asked);
    });
}
