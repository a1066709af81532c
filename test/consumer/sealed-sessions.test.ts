import { createConsumer } from "@centralcloud/consumer";
import { ConfigurationError } from "@centralcloud/service";
import { createKeyRing, generateKey, type SessionKey } from "@centralcloud/session-keys";
import sodium from "libsodium-wrappers";
import pg from "pg";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  archivedIn,
  configurationFor,
  deadLettersOf,
  drainAll,
  queuesOf,
} from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import {
  addNewKey,
  openSession,
  publicBytesOf,
  sealSession,
  sealState,
  sessionMessage,
} from "../support/session-keys.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "agent-sessions";
let pgp: SessionKey;
let box: SessionKey;

beforeAll(async () => {
  await sodium.ready;
  pgp = await addNewKey(system.singularity, "2025-10", { activate: true });
  box = await generateKey({ alg: "x25519-sealedbox", keyId: "2025-11" });
});

afterEach(async () => {
  await system.singularity.pool.query(
    `truncate pgmq."q_${queue}", pgmq."q_${queue}-dlq", pgmq."a_${queue}"`,
  );
  await system.central.pool.query("truncate central.agent_sessions");
});

/** As pgsodium would, which can't be installed here. */
async function sealInBox(state: string) {
  const data = sodium.crypto_box_seal(Buffer.from(state), await publicBytesOf(box));
  const { alg, keyId } = box;
  return { alg, key_id: keyId, data: Buffer.from(data).toString("base64") };
}

async function send(...bodies: readonly string[]): Promise<void> {
  await queuesOf(system).sendBatch(queue, bodies);
}

async function storedSessions() {
  const { rows } = await system.central.pool.query(
    "select session_id, session_state, sealed from central.agent_sessions order by session_id",
  );
  return rows;
}

describe("a sealed session that can't be opened is unreadable", () => {
  async function expectUnreadable(code: string, sealed: object, keys: readonly SessionKey[]) {
    const body = sessionMessage({ sealed });
    await send(body, sessionMessage({ session_id: "other", session_state: {} }));
    const { report, observations } = await drainAll(system, { sessionKeys: keys });
    expect(report).toMatchObject({ processed: 1, deadLettered: 1, released: 0 });
    expect(await deadLettersOf(system, queue)).toMatchObject([
      { reason: "unreadable", original_message: JSON.parse(body), error: { code } },
    ]);
    expect(JSON.stringify(observations)).not.toContain("PLAINTEXT");
    expect((await storedSessions()).map((row) => row.session_id)).toEqual(["other"]);
  }

  const secret = '{"secret":"PLAINTEXT"}';

  test("when there is no key ring", async () => {
    await expectUnreadable("key_not_held", await sealState(system.singularity, secret), []);
  });

  test("when the key ring holds other keys only", async () => {
    await expectUnreadable("key_not_held", await sealState(system.singularity, secret), [box]);
  });

  test("when its algorithm is unknown", async () => {
    const sealed = { ...(await sealState(system.singularity, secret)), alg: "rot13" };
    await expectUnreadable("unknown_algorithm", sealed, [pgp]);
  });

  test("when it is damaged", async () => {
    const sealed = await sealState(system.singularity, secret);
    const data = `${sealed.data.slice(0, -8)}AAAAAAA=`;
    await expectUnreadable("seal_broken", { ...sealed, data }, [pgp]);
  });

  test("when its data are not base64", async () => {
    const sealed = { ...(await sealState(system.singularity, secret)), data: "%%%" };
    await expectUnreadable("seal_broken", sealed, [pgp]);
  });

  test("when another key sealed it under this key's id", async () => {
    const other = await generateKey({ alg: "openpgp", keyId: pgp.keyId });
    await expectUnreadable("seal_broken", await sealState(system.singularity, secret), [other]);
  });

  test.each(['["PLAINTEXT"]', '"PLAINTEXT"', "null"])("when it holds %s", async (state) => {
    await expectUnreadable("not_an_object", await sealState(system.singularity, state), [pgp]);
  });

  test("when a sealed box holds no text", async () => {
    await expectUnreadable("not_an_object", await sealInBox("PLAINTEXT{"), [box]);
  });
});

test("what was sealed is merged as it is, and only the key ring opens it", async () => {
  const sealed = [
    await sealState(system.singularity, '{"n":12345678901234567890,"exact":0.10}'),
    await sealInBox('{"step":2}'),
  ];
  await send(
    ...sealed.map((seal, index) => sessionMessage({ session_id: `s${index}`, sealed: seal })),
  );
  const { report } = await drainAll(system, { sessionKeys: [pgp, box] });
  expect(report).toMatchObject({ processed: 2, deadLettered: 0 });
  expect(await archivedIn(system, queue)).toBe(2);
  expect(await storedSessions()).toEqual([
    { session_id: "s0", session_state: null, sealed: sealed[0] },
    { session_id: "s1", session_state: null, sealed: sealed[1] },
  ]);
  const keyRing = await createKeyRing([pgp, box]);
  expect(await openSession(system.singularity, keyRing, sealed[0] as never)).toEqual({
    state: '{"n": 12345678901234567890, "exact": 0.10}',
    bound: false,
  });
});

describe("a seal that names its session", () => {
  const version = "2025-10-25T10:00:00.000001Z";
  const secret = '{"secret":"PLAINTEXT"}';
  const named = { agent: "agent-1", session: "one", version };
  const message = { agent_id: "agent-1", session_id: "one", synced_at: version };

  test("is merged as it is, and opens there", async () => {
    const sealed = await sealSession(system.singularity, secret, named);
    await send(sessionMessage({ ...message, sealed }));
    const { report } = await drainAll(system, { sessionKeys: [pgp] });
    expect(report).toMatchObject({ processed: 1, deadLettered: 0 });
    expect(await storedSessions()).toEqual([{ session_id: "one", session_state: null, sealed }]);
  });

  test.each([
    ["agent", { agent_id: "agent-2" }],
    ["session", { session_id: "two" }],
    ["version", { synced_at: "2025-10-25T10:00:00.000002Z" }],
    ["agent and session", { agent_id: 7, session_id: "two" }],
  ])(
    "is unreadable in the message of another %s, and the other messages of the batch are merged",
    async (part, changes) => {
      const sealed = await sealSession(system.singularity, secret, named);
      const body = sessionMessage({ ...message, ...changes, sealed });
      await send(body, sessionMessage({ ...message, sealed }));
      const { report, observations } = await drainAll(system, { sessionKeys: [pgp] });
      expect(report).toMatchObject({ processed: 1, deadLettered: 1, released: 0 });
      expect(await deadLettersOf(system, queue)).toMatchObject([
        {
          reason: "unreadable",
          original_message: JSON.parse(body),
          error: {
            code: "seal_misplaced",
            message: `the seal opens, but names another ${part}: it was made for another message`,
          },
        },
      ]);
      expect(JSON.stringify(observations)).not.toContain("PLAINTEXT");
    },
  );

  test("is unreadable at another source, which has copied the message whole", async () => {
    const sealed = await sealSession(system.singularity, secret, named);
    const { rows } = await system.singularity.pool.query(
      "select source_id as source from singularity_source",
    );
    // What is in the queue now is this source's, and the seal is that of the source before.
    await system.singularity.pool.query(
      "update singularity_source set source_id = gen_random_uuid()",
    );
    try {
      await send(sessionMessage({ ...message, sealed }));
      await drainAll(system, { sessionKeys: [pgp] });
      expect(await deadLettersOf(system, queue)).toMatchObject([
        { reason: "unreadable", error: { code: "seal_misplaced" } },
      ]);
    } finally {
      await system.singularity.pool.query("update singularity_source set source_id = $1", [
        rows[0].source,
      ]);
    }
  });

  test("opens among hundreds, by the data keys of several database sessions, and what is wrong is found among them", async () => {
    const count = 300;
    const bodies: string[] = [];
    for (let start = 0; start < count; start += 100) {
      // A database session of its own.
      const client = new pg.Client({ connectionString: system.singularity.url });
      await client.connect();
      const asked = client.query<{ body: string }>(
        `with session as (
           select array_agg(text 'agent-1') as agents, array_agg('s' || n) as ids,
                  array_agg(timestamptz '2025-10-25 10:00Z') as versions,
                  array_agg(jsonb_build_object('n', n)) as states
             from generate_series($1::integer, $1 + 99) n
         )
         select jsonb_build_object('agent_id', 'agent-1', 'session_id', i.id,
                                   'synced_at', timestamptz '2025-10-25 10:00Z', 'sealed', i.sealed)::text as body
           from session s
          cross join lateral rows from (
            unnest(s.ids), unnest(public.seal_session_states(s.agents, s.ids, s.versions, s.states))) as i (id, sealed)`,
        [start],
      );
      const { rows } = await asked.finally(() => client.end());
      bodies.push(...rows.map(({ body }) => body));
    }
    const dataKeys = new Set(bodies.map((body) => JSON.parse(body).sealed.data_key));
    expect(dataKeys.size).toBe(3);
    bodies[150] = bodies[150]?.replace('"session_id": "s150"', '"session_id": "s151"') ?? "";
    await send(...bodies);
    const { report } = await drainAll(system, { sessionKeys: [pgp] });
    expect(report).toMatchObject({ processed: count - 1, deadLettered: 1 });
    expect(await deadLettersOf(system, queue)).toMatchObject([
      { error: { code: "seal_misplaced" } },
    ]);
  });
});

test("plain sessions are taken, unless sealing is required", async () => {
  const plain = sessionMessage({ session_id: "plain", session_state: { secret: "PLAINTEXT" } });
  await send(plain);
  expect((await drainAll(system)).report).toMatchObject({ processed: 1, deadLettered: 0 });

  const sealed = await sealState(system.singularity, "{}");
  await send(plain, sessionMessage({ session_id: "sealed", session_state: null, sealed }));
  const { report, observations } = await drainAll(system, {
    requireSealedSessions: true,
    sessionKeys: [pgp],
  });
  expect(report).toMatchObject({ processed: 1, deadLettered: 1 });
  expect(await deadLettersOf(system, queue)).toMatchObject([
    { reason: "invalid", error: { code: "plain_session" } },
  ]);
  expect(JSON.stringify(observations)).not.toContain("PLAINTEXT");
});

test("patterns are merged while a backlog of sealed sessions is being opened, and a stop gives the rest back", async () => {
  const sealed = await sealState(system.singularity, "{}");
  await send(...Array.from({ length: 600 }, () => sessionMessage({ sealed })));
  const patterns = "centralcloud-new-patterns";
  await queuesOf(system).sendBatch(
    patterns,
    Array.from({ length: 500 }, () => patternMessage()),
  );
  const consumer = createConsumer(configurationFor(system, { sessionKeys: [pgp] }), () => {});
  await consumer.start();
  try {
    await until("the patterns are merged", () => queuesOf(system).isEmpty(patterns));
    expect(await queuesOf(system).isEmpty(queue)).toBe(false);
  } finally {
    await consumer.stop();
  }
  const { inFlight, total } = await queuesOf(system).metrics(queue);
  expect({ inFlight, isDone: total === 0 }).toEqual({ inFlight: 0, isDone: false });
  await drainAll(system, { sessionKeys: [pgp] });
  expect(await archivedIn(system, queue)).toBe(600);
  expect(await deadLettersOf(system, queue)).toEqual([]);
});

test("a private key that can't be used ends the start, with a sentence that does not hold it", async () => {
  const configuration = configurationFor(system, {
    sessionKeys: [pgp, { ...box, privateKey: "aHVudGVyMg==" }],
  });
  const consumer = createConsumer(configuration, () => {});
  const error: unknown = await consumer.start().catch((e) => e);
  await consumer.stop();
  expect(error).toBeInstanceOf(ConfigurationError);
  expect((error as ConfigurationError).mistakes).toEqual([
    "SESSION_PRIVATE_KEYS: key 2025-11: private_key must be 32 bytes in base64",
  ]);
});
