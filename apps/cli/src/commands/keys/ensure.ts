import { throwAsConfigurationError } from "@centralcloud/consumer";
import type { Environment } from "@centralcloud/service";
import { ensureSessionKey, parseKeyRing, readSessionKeys } from "@centralcloud/session-keys";
import { Command } from "commander";
import { readNamedFile, warnOfReadable } from "../../files.ts";
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

/** For what brings a system up again and again: it may run after any rotation, and undoes none. */
export function ensureCommand(environment: Environment): Command {
  return new Command("ensure")
    .description(
      "gives the newest key of a key ring to every source, and activates it only where no key has been active yet",
    )
    .requiredOption(
      "--from <file>",
      "a key ring, whose last key is the newest; - is standard input",
    )
    .addOption(sourceOption())
    .action(async ({ from, ...options }: SourceOptions & { from: string }) => {
      await warnOfReadable(environment, from);
      const text = await readNamedFile(environment, "--from", from);
      // A key ring has one key at least.
      const { keys } = await parseKeyRing(text).catch((error) =>
        throwAsConfigurationError(`--from ${from}`, error),
      );
      const urls = readSourceUrls(environment);
      // Nothing is done unless it can be done everywhere.
      await identifySources(urls, options);
      const asked = await askSources(urls, withFullTimeout(options), async ({ pool, name }) => {
        for (const { keyId, alg: algorithm, publicKey } of keys.slice(-1)) {
          await ensureSessionKey(pool, { keyId, algorithm, publicKey });
        }
        const active = (await readSessionKeys(pool)).find((key) => key.active);
        return active === undefined
          ? `${name}: sessions are not sealed, because no key is active any more`
          : `${name}: sessions are sealed for ${active.keyId}`;
      });
      for (const line of asked.answers) print(line);
      assertComplete(asked);
    });
}
