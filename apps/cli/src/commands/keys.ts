import { throwAsConfigurationError } from "@centralcloud/consumer";
import { addSessionKey, hasPgsodium, readSessionKeys } from "@centralcloud/db";
import { ConfigurationError, type Environment } from "@centralcloud/service";
import {
  type Algorithm,
  algorithms,
  createKeyRing,
  formatSessionKey,
  generateKey,
  keyIdPattern,
  keyIdRule,
  type PublicPart,
  parseKeyRing,
} from "@centralcloud/session-keys";
import { Command, InvalidArgumentError, Option } from "commander";
import { readNamedFile, writeSecretFile } from "../files.ts";
import { formatTable } from "../format-table.ts";
import { readKeyRing } from "../key-ring.ts";
import { atEachSource, readSourceUrls } from "../sources.ts";

export function keysCommand(environment: Environment): Command {
  return new Command("keys")
    .description("the keys that session states are sealed and opened with")
    .addCommand(generateCommand(environment))
    .addCommand(addCommand(environment))
    .addCommand(listCommand(environment));
}

interface GenerateOptions {
  readonly keyId: string;
  readonly out: string;
  readonly alg?: Algorithm;
  readonly print?: true;
}

function generateCommand(environment: Environment): Command {
  return new Command("generate")
    .description("makes a key pair and writes it to a file that only its owner may read")
    .requiredOption("--key-id <id>", "the name of the key, such as 2025-11", keyId)
    .requiredOption("--out <file>", "where the key goes; it must not exist yet")
    .addOption(
      new Option("--alg <algorithm>", "default: what all configured sources can seal with").choices(
        algorithms,
      ),
    )
    .option("--print", "the private key on standard output, too")
    .action(async ({ keyId, out, alg, print }: GenerateOptions) => {
      const key = await generateKey({ keyId, alg: alg ?? (await chooseAlgorithm(environment)) });
      const [part] = (await createKeyRing([key])).keys;
      const path = await writeSecretFile(environment, out, formatSessionKey(key));
      if (print) process.stdout.write(formatSessionKey(key));
      const tell = print ? console.error : console.log;
      tell(describeNewKey(part as PublicPart, key.publicKey.trim(), path));
    });
}

function keyId(text: string): string {
  if (!keyIdPattern.test(text)) throw new InvalidArgumentError(`It must have ${keyIdRule}.`);
  return text;
}

/** Sealed boxes where every source can make them; pgcrypto, and so OpenPGP, is everywhere. */
async function chooseAlgorithm(environment: Environment): Promise<Algorithm> {
  const name = "SOURCE_DATABASE_URLS";
  if (!environment[name] && !environment[`${name}_FILE`]) return "openpgp";
  const able = await atEachSource(readSourceUrls(environment), hasPgsodium);
  return able.every(Boolean) ? "x25519-sealedbox" : "openpgp";
}

function describeNewKey({ keyId, alg, fingerprint }: PublicPart, publicKey: string, path: string) {
  return `key          ${keyId}
algorithm    ${alg}
fingerprint  ${fingerprint}
private key  in ${path}, readable by its owner only. Keep a copy in a
             safe place: without it, what was sealed for it can't be opened by anybody.
public key
${publicKey}

Next, in this order:
  1. Give the file to every consumer, beside the keys it has: SESSION_PRIVATE_KEYS_FILE may name
     several such files put together with cat. Restart the consumers.
  2. centralcloud keys add --from ${path} --activate`;
}

function addCommand(environment: Environment): Command {
  return new Command("add")
    .description("makes the public part of a key known to every configured source")
    .requiredOption("--from <file>", "a file that `keys generate` has written")
    .option("--activate", "seal sessions for it from now on")
    .action(async ({ from, activate = false }: { from: string; activate?: boolean }) => {
      const { keyId, alg: algorithm, publicKey } = await readOneKey(environment, from);
      await atEachSource(readSourceUrls(environment), async (source, name) => {
        await addSessionKey(source, { keyId, algorithm, publicKey }, { activate });
        const keys = await readSessionKeys(source);
        const isActive = keys.some((key) => key.active && key.keyId === keyId);
        console.log(`${name}: knows ${keyId}, which is ${isActive ? "active" : "not active"}`);
      });
    });
}

async function readOneKey(environment: Environment, file: string): Promise<PublicPart> {
  const text = await readNamedFile(environment, "--from", file);
  const { keys } = await parseKeyRing(text).catch((error) =>
    throwAsConfigurationError(`--from ${file}`, error),
  );
  const [key, ...more] = keys;
  if (key !== undefined && more.length === 0) return key;
  throw new ConfigurationError([
    `--from ${file}: it holds ${keys.length} keys; give a file of one`,
  ]);
}

function listCommand(environment: Environment): Command {
  return new Command("list")
    .description("the keys that each source knows, and whether the key ring here can open them")
    .option("--json", "one JSON document on standard output")
    .action(async ({ json }: { json?: true }) => {
      const urls = readSourceUrls(environment);
      const held = new Set((await readKeyRing(environment)).keys.map((key) => key.fingerprint));
      const reports = await atEachSource(urls, async (pool, source) => {
        const keys = await readSessionKeys(pool);
        return keys.map((key) => ({ source, ...key, held: held.has(key.fingerprint) }));
      });
      if (json) return console.log(JSON.stringify(reports.flat()));
      const yes = (is: boolean) => (is ? "yes" : "no");
      const rows = reports.flat().map(({ active, held, ...key }) => {
        const { source, keyId, algorithm, retiredAt, fingerprint } = key;
        const columns = { active: yes(active), retiredAt, held: yes(held), fingerprint };
        return { source, keyId, algorithm, ...columns };
      });
      console.log(formatTable(rows));
    });
}
