import type { Random } from "../load/random.ts";
import { drawConfidence, drawExtra, drawInstant, writeObject } from "../load/values.ts";
import type { Decimal } from "../oracle/decimal.ts";
import { jsonbText } from "../oracle/jsonb-text.ts";
import { keyOf, type Rows } from "../oracle/store-content.ts";
import {
  agentOf,
  asText,
  type ChaosQueue,
  type DraftContext,
  fingerprintOf,
  hexadecimal,
  microseconds,
  orEmpty,
  type QueueModel,
  spell,
  trimmed,
  type Written,
} from "./queue.ts";

interface SessionEffect {
  readonly sessionId: string;
  readonly agentId: string;
  readonly confidence: Decimal;
  /** JSON text; a session has either this or `sealed`. */
  readonly state: string | undefined;
  /** JSON text. */
  readonly sealed: string | undefined;
  readonly ulid: string | undefined;
  /** Microseconds since 1970. */
  readonly syncedAt: bigint;
  /** The JSON text of the whole message: decides between two of the same version. */
  readonly document: string;
}

type Table = "agent_sessions";

export const sessionQueue: ChaosQueue<SessionEffect, Table> = {
  share: 25,
  write: writeSession,
  invalid: [
    '{"agent_id":"a","session_id":"s","synced_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","session_id":"s","session_state":{},"sealed":{"alg":"a","key_id":"k","data":"d"},"synced_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","session_state":{},"synced_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","session_id":"s","session_state":"text","synced_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","session_id":"s","session_state":{},"synced_at":20251025}',
  ],
  agentTable: "agent_sessions",
  tables: {
    agent_sessions: {
      key: [asText("source_id"), "session_id"],
      columns: [
        "agent_id",
        trimmed("confidence"),
        orEmpty("session_state"),
        orEmpty("sealed"),
        orEmpty("ulid"),
        microseconds("synced_at"),
        hexadecimal("message_hash"),
      ],
    },
  },
  createModel: () => new SessionModel(),
  rowsOf: ({ sessionId }, sourceId) => [["agent_sessions", sourceId, sessionId]],
};

function writeSession({ random, seals, marks }: DraftContext): Written<SessionEffect> {
  const agent = agentOf(random, marks);
  const session = marks.sessionId ?? `session-${random.integer(1, 300)}`;
  const confidence = drawConfidence(random);
  const syncedAt = drawInstant(random, 2_000);
  const sealed = random.chance(0.3) ? seals.pick(random) : undefined;
  const state = sealed === undefined ? drawState(random) : undefined;
  const ulid = random.pick([
    undefined,
    "",
    "01GV5PA9EQG7D82Q3Y4PKBZSYV",
    "01GV5PA9EQG7D82Q3Y4PKBZSYW",
  ]);
  const document = writeObject(random, [
    ["agent_id", agent.json],
    ["session_id", JSON.stringify(session)],
    ["session_state", state ?? random.pick([undefined, "null"])],
    ["sealed", sealed ?? random.pick([undefined, "null"])],
    ["synced_at", syncedAt.json],
    ["confidence", confidence.json],
    ["ulid", ulid === undefined ? undefined : JSON.stringify(ulid)],
    drawExtra(random),
  ]);
  return {
    document,
    effect: {
      sessionId: session,
      agentId: agent.meaning,
      confidence: confidence.meaning,
      state,
      sealed,
      ulid,
      syncedAt: syncedAt.meaning,
      document,
    },
  };
}

function drawState(random: Random): string {
  return `{"step":${random.integer(1, 99)},"ratio":${random.pick(["1", "1.0", "0.10"])},"note":"日本"}`;
}

interface SessionVersion {
  readonly effect: SessionEffect;
  readonly hash: string;
}

class SessionModel implements QueueModel<SessionEffect, Table> {
  readonly #sessions = new Map<string, SessionVersion>();

  add(sourceId: string, effect: SessionEffect): void {
    const key = keyOf(sourceId, effect.sessionId);
    const version = { effect, hash: fingerprintOf(effect.document) };
    const other = this.#sessions.get(key);
    if (other === undefined || isNewer(version, other)) this.#sessions.set(key, version);
  }

  content() {
    const rows: Rows = new Map();
    for (const [key, { effect, hash }] of this.#sessions) {
      rows.set(key, {
        agent_id: effect.agentId,
        confidence: spell(effect.confidence),
        session_state: effect.state === undefined ? "" : jsonbText(effect.state),
        sealed: effect.sealed === undefined ? "" : jsonbText(effect.sealed),
        ulid: effect.ulid ?? "",
        synced_at: String(effect.syncedAt),
        message_hash: hash,
      });
    }
    return { agent_sessions: rows };
  }
}

/** By the version that the source assigned, and between equal ones by the message's hash. */
function isNewer(a: SessionVersion, b: SessionVersion): boolean {
  if (a.effect.syncedAt !== b.effect.syncedAt) return a.effect.syncedAt > b.effect.syncedAt;
  const ulids = Buffer.compare(Buffer.from(a.effect.ulid ?? ""), Buffer.from(b.effect.ulid ?? ""));
  return ulids === 0 ? a.hash > b.hash : ulids > 0;
}
