import { type Environment, printable } from "@centralcloud/service";
import { bindSessionKeys } from "@centralcloud/session-keys";
import { Command } from "commander";
import { print } from "../../output.ts";
import {
  askSources,
  assertComplete,
  identifySources,
  readSourceUrls,
  type SourceOptions,
  sourceOption,
  withFullTimeout,
} from "../../sources.ts";
import { assertOpenBoundSeals } from "./holders.ts";

/** The last step of an upgrade from a version whose consumers can't open such seals. Once done, it does nothing. */
export function bindCommand(environment: Environment): Command {
  return new Command("bind")
    .description(
      "makes seals name their session from now on, so that they open nowhere else; once every consumer is upgraded",
    )
    .addOption(sourceOption())
    .action(async (options: SourceOptions) => {
      const urls = readSourceUrls(environment);
      await assertOpenBoundSeals(environment);
      // Nothing is done unless it can be done everywhere.
      await identifySources(urls, options);
      const asked = await askSources(urls, withFullTimeout(options), async ({ pool, name }) => {
        const keyIds = await bindSessionKeys(pool);
        const when = keyIds.length === 0 ? "already" : `from now on, for key ${keyIds.join(", ")}`;
        return `${printable(name)}: seals name their session ${when}`;
      });
      for (const line of asked.answers) print(line);
      assertComplete(asked);
    });
}
