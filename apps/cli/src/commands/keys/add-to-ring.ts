import { throwAsConfigurationError } from "@centralcloud/consumer";
import { ConfigurationError, type Environment } from "@centralcloud/service";
import {
  formatSessionKey,
  KeyRingError,
  parseKeyRing,
  parseSessionKeys,
  type SessionKey,
} from "@centralcloud/session-keys";
import { Command } from "commander";
import { readNamedFile, replaceSecretFile, warnOfReadable } from "../../files.ts";
import { print, printError, warn } from "../../output.ts";
import { collect } from "../options.ts";

interface AddToRingOptions {
  readonly from: readonly string[];
  readonly ring?: string;
}

export function addToRingCommand(environment: Environment): Command {
  return new Command("add-to-ring")
    .description(
      "adds keys to a key ring: the file with the private keys of a consumer, which only its owner may read",
    )
    .requiredOption(
      "--from <file>",
      "a file that `keys generate` has written, or another key ring; - is standard input; may be repeated",
      collect,
    )
    .option(
      "--ring <file>",
      "the file, which is made where there is none; default: SESSION_PRIVATE_KEYS_FILE",
    )
    .action(async ({ from, ring = environment.SESSION_PRIVATE_KEYS_FILE }: AddToRingOptions) => {
      if (!ring)
        throw new ConfigurationError(["--ring: say which, or set SESSION_PRIVATE_KEYS_FILE"]);
      const given: SessionKey[] = [];
      for (const file of from) given.push(...(await readKeys(environment, file)));
      const added: string[] = [];
      const { path, wasReadable } = await replaceSecretFile(environment, ring, async (text) => {
        const before = text.trim() === "" ? [] : parseRing(ring, text);
        const keys = new Map(before.map((key) => [key.keyId, key]));
        for (const key of given) {
          const known = keys.get(key.keyId);
          if (known !== undefined && known.privateKey !== key.privateKey) {
            throw new ConfigurationError([`--from: ${ring} holds another key ${key.keyId}`]);
          }
          if (known === undefined) added.push(key.keyId);
          keys.set(key.keyId, known ?? key);
        }
        return [...keys.values()].map(formatSessionKey).join("");
      });
      const verb = added.length === 0 ? "has had all of them" : `has got ${added.join(", ")}`;
      print(`${path} ${verb}; only its owner may read it`);
      if (wasReadable) {
        warn(`${ring} could be read by others until now; treat its keys as known to them`);
      }
      printError("Restart the consumers that read it, one after the other.");
    });
}

/** The keys of a file, each of which works. */
async function readKeys(environment: Environment, file: string): Promise<readonly SessionKey[]> {
  await warnOfReadable(environment, file);
  const text = await readNamedFile(environment, "--from", file);
  await parseKeyRing(text).catch((error) => throwAsConfigurationError(`--from ${file}`, error));
  return parseSessionKeys(text);
}

function parseRing(ring: string, text: string): readonly SessionKey[] {
  try {
    return parseSessionKeys(text);
  } catch (error) {
    if (!(error instanceof KeyRingError)) throw error;
    throw new ConfigurationError([`--ring ${ring}: ${error.mistakes.join("; ")}`]);
  }
}
