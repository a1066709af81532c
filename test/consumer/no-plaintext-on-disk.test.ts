import { readFileSync } from "node:fs";
import type { SessionKey } from "@centralcloud/session-keys";
import { beforeAll, expect, test } from "vitest";
import { archivedIn, deadLettersOf, drainAll, queuesOf } from "../support/consumer.ts";
import { type TestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey, sealState, sessionMessage } from "../support/session-keys.ts";

/*
 * Where a session's state is readable on disk: in its own table, and nowhere else. The states are
 * short, because PostgreSQL compresses long ones, in which no search would find anything.
 */

const system = useSystem();
failOnLeaks(system);
const queue = "agent-sessions";
const marker = "PLAINTEXT-5f1d0c3b9a";
let key: SessionKey;

beforeAll(async () => {
  key = await addNewKey(system.singularity, "2025-10", { activate: true });
});

/** The relations of a database, those of TOAST and the catalogs too, whose files hold the marker. */
async function relationsWithMarker({ pool }: TestDatabase): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; file: string }>(
    `select c.oid::regclass::text as name,
            current_setting('data_directory') || '/' || pg_relation_filepath(c.oid) as file
       from pg_class c where pg_relation_filepath(c.oid) is not null`,
  );
  expect(rows.length).toBeGreaterThan(100);
  return rows.filter(({ file }) => readFileSync(file).includes(marker)).map(({ name }) => name);
}

test("sealed states are found in no file of queue, archive, dead letters and central store", async () => {
  const { singularity, central } = system;
  for (const step of [1, 2, 3, 4]) {
    const state = JSON.stringify({ step, text: marker });
    // Its own table: the control, which shows that the search would find it.
    await singularity.pool.query(
      "insert into public.agent_sessions (agent_id, state) values ('agent-1', $1)",
      [state],
    );
    const sealed = { ...(await sealState(singularity, state)) };
    if (step === 2) sealed.data = `${sealed.data.slice(0, -8)}AAAAAAA=`;
    if (step === 3) sealed.key_id = "nobody's";
    await queuesOf(system).send(queue, sessionMessage({ session_id: `step-${step}`, sealed }));
    if (step === 3) {
      const { report, observations } = await drainAll(system, { sessionKeys: [key] });
      expect(report).toMatchObject({ deadLettered: 2 });
      expect(JSON.stringify(observations)).not.toContain(marker);
    }
  }
  // One is archived and stored, two are dead letters, and the last still waits.
  expect(await archivedIn(system, queue)).toBeGreaterThanOrEqual(1);
  expect(await deadLettersOf(system, queue)).toHaveLength(2);
  expect(await queuesOf(system).isEmpty(queue)).toBe(false);
  const { rows } = await central.pool.query(
    "select sealed ->> 'alg' as alg from central.agent_sessions where session_id = 'step-1'",
  );
  expect(rows).toEqual([{ alg: "openpgp" }]);

  await singularity.pool.query("checkpoint");
  expect(await relationsWithMarker(singularity)).toEqual(["agent_sessions"]);
  expect(await relationsWithMarker(central)).toEqual([]);
});

test("a plain state would have been found", async () => {
  const { singularity, central } = system;
  await queuesOf(system).send(queue, sessionMessage({ session_state: { text: marker } }));
  await drainAll(system, { sessionKeys: [key] });
  await singularity.pool.query("checkpoint");
  expect(await relationsWithMarker(singularity)).toContain(`pgmq."a_${queue}"`);
  expect(await relationsWithMarker(central)).toEqual(["central.agent_sessions"]);
});
