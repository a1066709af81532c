import { throwAsConfigurationError } from "@centralcloud/consumer";
import { type KeyReport as KeyOfSource, readKeys } from "@centralcloud/inspect";
import { ConfigurationError, type Environment, printable } from "@centralcloud/service";
import {
  type Algorithm,
  addSessionKey,
  algorithms,
  createKeyRing,
  formatSessionKey,
  generateKey,
  hasPgsodium,
  type KnownSessionKey,
  keyIdPattern,
  keyIdRule,
  type PublicPart,
  parseKeyRing,
  readSessionKeys,
} from "@centralcloud/session-keys";
import { Command, InvalidArgumentError, Option } from "commander";
import { readNamedFile, warnOfReadable, writeSecretFile } from "../files.ts";
import { readKeyRing } from "../key-ring.ts";
import { print, printError } from "../output.ts";
import { showRows } from "../show-answers.ts";
import {
  addSourceOptions,
  askSources,
  assertComplete,
  readSourceUrls,
  type SourceOptions,
  sourceOption,
  withFullTimeout,
} from "../sources.ts";
import { addToRingCommand } from "./keys/add-to-ring.ts";
import { bindCommand } from "./keys/bind.ts";
import { ensureCommand } from "./keys/ensure.ts";
import { askConsumers, assertHeld } from "./keys/holders.ts";

export function keysCommand(environment: Environment): Command {
  return new Command("keys")
    .description("the keys that session states are sealed and opened with")
    .addCommand(generateCommand(environment))
    .addCommand(addToRingCommand(environment))
    .addCommand(addCommand(environment))
    .addCommand(ensureCommand(environment))
    .addCommand(bindCommand(environment))
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
    .action(async ({ keyId, out, alg, print: shows }: GenerateOptions) => {
      const key = await generateKey({ keyId, alg: alg ?? (await chooseAlgorithm(environment)) });
      const [part] = (await createKeyRing([key])).keys;
      const path = await writeSecretFile(environment, out, formatSessionKey(key));
      if (shows) process.stdout.write(formatSessionKey(key));
      const tell = shows ? printError : print;
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
  const asked = await askSources(readSourceUrls(environment), {}, ({ pool }) => hasPgsodium(pool));
  assertComplete(asked);
  return asked.answers.every(Boolean) ? "x25519-sealedbox" : "openpgp";
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
  1. Give it to every consumer, beside the keys it has, and restart them:
     centralcloud keys add-to-ring --from ${path} --ring …, the file that
     SESSION_PRIVATE_KEYS_FILE names.
  2. centralcloud keys add --from ${path} --activate`;
}

function addCommand(environment: Environment): Command {
  return new Command("add")
    .description("gives the public part of a key to every configured source")
    .requiredOption("--from <file>", "a file that `keys generate` has written; - is standard input")
    .option("--key-id <id>", "which key, where the file holds several", keyId)
    .option("--activate", "seal sessions for it from now on, if every running consumer holds it")
    .option("--force", "activate it although a consumer does not hold it, or can't be asked")
    .addOption(sourceOption())
    .action(
      async ({ from, keyId: wanted, activate = false, force = false, ...options }: AddOptions) => {
        const key = await readOneKey(environment, from, wanted);
        const { keyId, alg: algorithm, publicKey } = key;
        const urls = readSourceUrls(environment);
        // Nothing is done unless it can be done everywhere.
        const known = await askSources(urls, options, ({ pool }) => readSessionKeys(pool));
        assertComplete(known);
        const isActive = (keys: readonly KnownSessionKey[]) =>
          keys.some((one) => one.active && one.fingerprint === key.fingerprint);
        if (activate && !known.answers.every(isActive)) {
          // A key that is new to a source binds there.
          const binds = known.answers.some((keys) =>
            keys.every((one) => one.fingerprint !== key.fingerprint || one.binds),
          );
          await assertHeld(environment, { ...key, binds }, { force });
        }
        const asked = await askSources(urls, withFullTimeout(options), async ({ pool, name }) => {
          await addSessionKey(pool, { keyId, algorithm, publicKey }, { activate });
          const state = isActive(await readSessionKeys(pool)) ? "active" : "not active";
          return `${printable(name)}: knows ${keyId}, which is ${state}`;
        });
        for (const line of asked.answers) print(line);
        assertComplete(asked);
      },
    );
}

interface AddOptions extends SourceOptions {
  readonly from: string;
  readonly keyId?: string;
  readonly activate?: boolean;
  readonly force?: boolean;
}

async function readOneKey(
  environment: Environment,
  file: string,
  keyId: string | undefined,
): Promise<PublicPart> {
  await warnOfReadable(environment, file);
  const text = await readNamedFile(environment, "--from", file);
  const { keys } = await parseKeyRing(text).catch((error) =>
    throwAsConfigurationError(`--from ${file}`, error),
  );
  if (keyId !== undefined) {
    const named = keys.find((key) => key.keyId === keyId);
    if (named !== undefined) return named;
    throw new ConfigurationError([`--from ${file}: it holds no key ${keyId}`]);
  }
  const [key, ...more] = keys;
  if (key !== undefined && more.length === 0) return key;
  throw new ConfigurationError([
    `--from ${file}: it holds ${keys.length} keys; give a file of one, or say which by --key-id`,
  ]);
}

function listCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("list").description(
      "the keys that each source knows, whether the key ring here can open them, and which consumers can't",
    ),
  )
    .option("--json", "one JSON document on standard output")
    .action(async ({ json = false, ...options }: SourceOptions & { json?: boolean }) => {
      const urls = readSourceUrls(environment);
      const held = new Set((await readKeyRing(environment)).keys.map((key) => key.fingerprint));
      const { replicas, unreachable } = await askConsumers(environment);
      const asked = await readKeys(urls, options, replicas);
      const answers = asked.answers.map((keys) =>
        keys.map(({ source, lackedBy, ...key }): KeyReport => {
          return { source, ...key, held: held.has(key.fingerprint), lackedBy };
        }),
      );
      const all = { ...asked, answers, unreachable: [...unreachable, ...asked.unreachable] };
      showRows(all, { json, name: "keys", describe: shortenKey });
    });
}

interface KeyReport extends KeyOfSource {
  /** By the key ring here. */
  readonly held: boolean;
}

function shortenKey(report: KeyReport) {
  const { source, keyId, algorithm, active, retiredAt, held, binds, lackedBy, fingerprint } =
    report;
  const yes = (is: boolean) => (is ? "yes" : "no");
  const hosts = lackedBy?.map(({ host, id }) => `${host} (${id.slice(0, 8)})`).join(", ");
  return {
    ...{ source, keyId, algorithm, active: yes(active), retiredAt, held: yes(held) },
    binds: yes(binds),
    lackedBy: lackedBy === null ? "unknown" : hosts || "none",
    fingerprint,
  };
}
