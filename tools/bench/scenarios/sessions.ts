import {
  addSessionKey,
  createKeyRing,
  formatSessionKey,
  generateKey,
  type SessionKey,
} from "@centralcloud/session-keys";
import type { Pool } from "pg";
import { drainFigures, withWal } from "../measure.ts";
import { reportOf, startCentralcloud } from "../process.ts";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import { contendDrain } from "../systems/centralcloud.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";
import { drainColumns } from "./drain.ts";

const sealedSessions = "sealed sessions";
const patterns = "patterns";

/** Sessions that one statement inserts, so that its trigger seals and queues them: a data key's worth. */
const together = 1_000;

let key: Promise<SessionKey> | undefined;

/** One for all templates of this process: what is sealed for it must be opened by the same. */
function benchKey(): Promise<SessionKey> {
  key ??= generateKey({ alg: "openpgp", keyId: "bench" });
  return key;
}

/** Lets a source seal for {@link benchKey}, by pgcrypto. */
export async function activateBenchKey(pool: Pool): Promise<void> {
  const [part] = (await createKeyRing([await benchKey()])).keys;
  if (part === undefined) throw new Error("the key ring is empty");
  const { keyId, alg: algorithm, publicKey } = part;
  await addSessionKey(pool, { keyId, algorithm, publicKey }, { activate: true });
}

/** SQL: the state of session number i, about 300 bytes that hardly compress. */
export const stateOf = (i: string) => `bench.pattern_document(${i}, 300)`;

async function fillSessions(pool: Pool, sessions: number): Promise<void> {
  await activateBenchKey(pool);
  await pool.query(
    "insert into agents (agent_id) select 'agent-' || i from generate_series(0, 99) i",
  );
  for (let first = 1; first <= sessions; first += together) {
    await pool.query(
      `insert into agent_sessions (agent_id, state)
       select 'agent-' || i % 100, ${stateOf("i")} from generate_series($1::bigint, $2::bigint) i`,
      [first, Math.min(sessions, first + together - 1)],
    );
  }
}

function contendSessions(lab: Lab, messages: number): Contender {
  let template: string | undefined;
  return {
    name: sealedSessions,
    isOurs: true,
    detail: `\`centralcloud drain\`, default settings; sealed by pgcrypto with data keys, each for ${together} sessions`,
    async prepare() {
      template = await lab.stage.template(
        JSON.stringify({ sessions: messages }),
        await emptySource(lab),
        ({ pool }) => fillSessions(pool, messages),
      );
    },
    async run() {
      if (template === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(template);
      const central = await lab.stage.clone(await lab.stage.base("central"));
      try {
        const environment = {
          SOURCE_DATABASE_URLS: source.url,
          CENTRAL_DATABASE_URL: central.url,
          SESSION_PRIVATE_KEYS: formatSessionKey(await benchKey()),
          SESSION_REQUIRE_SEALED: "true",
        };
        const { result, walBytes } = await withWal(lab, () =>
          reportOf<{ readonly processed: number; readonly elapsedMs: number }>(
            startCentralcloud(["drain"], environment),
          ),
        );
        assertResult("the drain's report", messages, result.report.processed);
        const { rows } = await central.pool.query(
          `select (select count(*) from central.processed_messages)::integer as ledger,
                  (select count(*) from central.agent_sessions where sealed is not null)::integer as sealed`,
        );
        assertResult(
          "the central store",
          { ledger: messages, sealed: messages },
          { ...(rows[0] as object) },
        );
        const { rows: left } = await source.pool.query<{ queued: number; archived: number }>(
          `select (select count(*) from pgmq."q_agent-sessions")::integer as queued,
                  (select count(*) from pgmq."a_agent-sessions")::integer as archived`,
        );
        assertResult("the queue", { queued: 0, archived: messages }, { ...left[0] });
        return drainFigures(messages, result.report.elapsedMs, result, walBytes);
      } finally {
        await lab.stage.drop(source, central);
      }
    },
  };
}

/** What a sealed session costs a consumer beside a pattern. */
export const sessions: Scenario = {
  name: "sessions",
  title: "Drain of sealed sessions beside as many patterns",
  plan(lab) {
    const messages = lab.sizes.sessions;
    return {
      contenders: [
        contendDrain(lab, { messages, bytes: 420 }, { name: patterns }),
        contendSessions(lab, messages),
      ],
      columns: drainColumns,
      baseline: patterns,
      goals: [
        {
          what: "sealed sessions a second",
          contender: sealedSessions,
          figure: "perSecond",
          atLeast: 8_000,
        },
        {
          what: "sealed sessions against patterns",
          contender: sealedSessions,
          figure: "perSecond",
          versus: patterns,
          atLeast: 0.4,
        },
        {
          what: "processor time of the consumer for a sealed session (µs)",
          contender: sealedSessions,
          figure: "clientCpuUsPerMessage",
          atMost: 100,
        },
      ],
    };
  },
};
