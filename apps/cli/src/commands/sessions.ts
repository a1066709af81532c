import { databaseVariables } from "@centralcloud/consumer";
import { type CentralSession, findSessions } from "@centralcloud/db";
import { assertReachable, createPool } from "@centralcloud/postgres";
import { type Environment, parseConfiguration, printable } from "@centralcloud/service";
import { type KeyRing, openState } from "@centralcloud/session-keys";
import { Command } from "commander";
import { readKeyRing } from "../key-ring.ts";
import { print } from "../output.ts";

interface ShowOptions {
  readonly source?: string;
  readonly json?: true;
}

export function sessionsCommand(environment: Environment): Command {
  return new Command("sessions")
    .description("the sessions in the central store")
    .addCommand(showCommand(environment));
}

function showCommand(environment: Environment): Command {
  return new Command("show")
    .description("a session with its state opened, which takes the key ring")
    .argument("<id>", "the session's id")
    .option("--source <name>", "whose session, where several sources have one of that id")
    .option("--json", "one JSON document on standard output")
    .action(async (id: string, { source, json }: ShowOptions) => {
      const { CENTRAL_DATABASE_URL } = databaseVariables;
      const values = parseConfiguration({ CENTRAL_DATABASE_URL }, environment);
      const keyRing = await readKeyRing(environment);
      await assertReachable([values.CENTRAL_DATABASE_URL]);
      const session = await findSession(values.CENTRAL_DATABASE_URL, id, source);
      const state = await stateOf(session, keyRing);
      print(json ? formatJson(session, state) : formatText(session, state));
    });
}

async function findSession(
  centralUrl: string,
  id: string,
  source: string | undefined,
): Promise<CentralSession> {
  const central = createPool(centralUrl, {
    applicationName: "centralcloud-cli",
    max: 1,
    // The store is ours, and the state of a session may be of any size.
    answerBytes: Number.POSITIVE_INFINITY,
  });
  const found = await findSessions(central, id).finally(() => central.end());
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
