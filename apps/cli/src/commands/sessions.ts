import { type CentralSession, findSessions, type SessionKey } from "@centralcloud/central";
import { databaseVariables } from "@centralcloud/consumer";
import { type AskOptions, askCentral, readSessionHeads } from "@centralcloud/inspect";
import {
  ConfigurationError,
  type Environment,
  parseConfiguration,
  printable,
  shorten,
} from "@centralcloud/service";
import { type KeyRing, openState } from "@centralcloud/session-keys";
import { Command } from "commander";
import { readKeyRing } from "../key-ring.ts";
import { print } from "../output.ts";
import { showPage } from "../show-answers.ts";
import { assertComplete, timeoutOption } from "../sources.ts";
import { readCentralUrl } from "./central.ts";
import { wholeNumberUpTo } from "./dlq/selection.ts";

interface ShowOptions {
  readonly source?: string;
  readonly timeout?: number;
  readonly json?: true;
}

export function sessionsCommand(environment: Environment): Command {
  return new Command("sessions")
    .description("the sessions in the central store")
    .addCommand(listCommand(environment))
    .addCommand(showCommand(environment));
}

interface ListOptions {
  readonly source?: string;
  readonly agent?: string;
  readonly after?: string;
  readonly limit: number;
  readonly timeout?: number;
  readonly json?: true;
}

function listCommand(environment: Environment): Command {
  return new Command("list")
    .description("sessions by source and id, without their states: takes no key")
    .option("--source <name>", "of this source only, by name or id")
    .option("--agent <id>", "of this agent only")
    .option("--limit <number>", "sessions of a page", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the page after the one that ended with this cursor")
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async ({ source, agent, after, limit, timeout, json }: ListOptions) => {
      const url = readCentralUrl(environment);
      const key = after === undefined ? {} : { after: decodeAfter(after) };
      const asked = await readSessionHeads(url, timeout === undefined ? {} : { timeout }, {
        limit: limit + 1,
        ...(source === undefined ? {} : { source }),
        ...(agent === undefined ? {} : { agent }),
        ...key,
      });
      const rows = asked.answers.flat();
      const sessions = rows.slice(0, limit);
      const last = rows.length > limit ? sessions.at(-1) : undefined;
      const next = last === undefined ? null : encodeAfter(last);
      showPage(asked, sessions, {
        json: json === true,
        name: "sessions",
        extra: { next },
        more: next === null ? null : `--after ${next}`,
        describe: ({ source, sessionId, agentId, confidence, syncedAt }) => ({
          source: shorten(source, 40),
          session: shorten(sessionId, 60),
          agent: shorten(agentId, 40),
          confidence,
          synced: `${syncedAt.slice(0, 19)}Z`,
        }),
      });
    });
}

function encodeAfter({ sourceId, sessionId }: SessionKey): string {
  return Buffer.from(JSON.stringify([sourceId, sessionId])).toString("base64url");
}

/** @throws {ConfigurationError} */
function decodeAfter(text: string): SessionKey {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    const [sourceId, sessionId] = Array.isArray(value) ? value : [];
    if (typeof sourceId === "string" && /^[0-9a-f-]{36}$/.test(sourceId)) {
      if (typeof sessionId === "string") return { sourceId, sessionId };
    }
  } catch {
    // The reason would speak of JSON, of which whoever passed the cursor knows nothing.
  }
  throw new ConfigurationError(["error: the cursor is not one that a list ended with"]);
}

function showCommand(environment: Environment): Command {
  return new Command("show")
    .description("a session with its state opened, which takes the key ring")
    .argument("<id>", "the session's id")
    .option("--source <name>", "whose session, where several sources have one of that id")
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async (id: string, { source, timeout, json }: ShowOptions) => {
      const { CENTRAL_DATABASE_URL } = databaseVariables;
      const values = parseConfiguration({ CENTRAL_DATABASE_URL }, environment);
      const keyRing = await readKeyRing(environment);
      const limits = timeout === undefined ? {} : { timeout };
      const session = await findSession(values.CENTRAL_DATABASE_URL, limits, id, source);
      const state = await stateOf(session, keyRing);
      print(json ? formatJson(session, state) : formatText(session, state));
    });
}

/** @throws where there is none of that id, or more than one, or the central store does not answer. */
async function findSession(
  centralUrl: string,
  limits: AskOptions,
  id: string,
  source: string | undefined,
): Promise<CentralSession> {
  // The store is ours, and the state of a session may be of any size.
  const options = { ...limits, answerBytes: Number.POSITIVE_INFINITY };
  const asked = await askCentral(centralUrl, options, (central) => findSessions(central, id));
  assertComplete(asked);
  const found = asked.answers.flat();
  const wanted = found.filter((row) => [undefined, row.source, row.sourceId].includes(source));
  const [session, ...others] = wanted;
  if (session === undefined) {
    const where = source === undefined ? "" : ` of source ${source}`;
    throw new Error(`there is no session ${id}${where} in the central store`);
  }
  if (others.length === 0) return session;
  const sources = wanted.map((row) => `${row.source} (${row.sourceId})`).join(", ");
  throw new Error(`several sources have a session ${id}; choose by --source: ${sources}`);
}

interface ShownState {
  /** Its JSON text, which is not parsed on the way: numbers keep every digit. */
  readonly state: string;
  /** Whether its seal names the session; null where it came in plain. */
  readonly bound: boolean | null;
}

async function stateOf(session: CentralSession, keyRing: KeyRing): Promise<ShownState> {
  const { sealed, sourceId: source, agentId: agent, sessionId, syncedAt: version } = session;
  if (sealed === null) return { state: session.state ?? "null", bound: null };
  const identity = { source, agent, session: sessionId, version };
  if (keyRing.keys.length > 0) return await openState(keyRing, sealed, identity);
  throw new Error(
    `the session is sealed for key ${sealed.key_id}; give it in SESSION_PRIVATE_KEYS_FILE`,
  );
}

function formatJson(session: CentralSession, { state, bound }: ShownState): string {
  const { sessionId, agentId, source, sourceId, confidence, syncedAt } = session;
  const texts = JSON.stringify({ sessionId, agentId, source, sourceId, syncedAt }).slice(1, -1);
  const key = JSON.stringify(session.sealed?.key_id ?? null);
  return `{${texts},"bound":${bound},"confidence":${confidence},"keyId":${key},"state":${state}}`;
}

function formatText(session: CentralSession, { state, bound }: ShownState): string {
  const { alg, key_id } = session.sealed ?? {};
  const lines = {
    session: session.sessionId,
    agent: session.agentId,
    source: `${session.source} (${session.sourceId})`,
    confidence: session.confidence,
    "synced at": session.syncedAt,
    sealed: key_id === undefined ? "no" : `for ${key_id} by ${alg}`,
    ...(bound === false ? { unbound } : {}),
    state,
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name.padEnd(10)}  ${printable(String(value))}`)
    .join("\n");
}

/** Of older versions: such a seal can't say whose it is. */
const unbound = "its seal does not name its session, and may have been another's";
