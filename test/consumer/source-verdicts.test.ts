import { judgeSource, type SourceState } from "@centralcloud/central";
import type { ServerFacts } from "@centralcloud/db";
import { judgeByFacts, readKnownSources } from "@centralcloud/doctor";
import { afterEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";

/*
 * What decides whether a database is the source whose id it says: each case is what the central store knows, what the
 * database's server says, who else works on it, and the verdict. The doctor, which does not know who works on what, gives
 * the same wherever nobody else does.
 */

const system = useSystem();

const sourceId = "00000000-0000-4000-8000-000000000001";
const replica = "00000000-0000-4000-8000-00000000000a";
const otherReplica = "00000000-0000-4000-8000-00000000000b";

const morning = "2026-01-01T08:00:00.000001Z";
const noon = "2026-01-01T12:00:00.000001Z";
const here = "db.example:5432/source";
const elsewhere = "new.example:5432/source";

/** The server that the central store knows, started at noon. */
const known = {
  systemId: "7300000000000000001" as string | null,
  databaseOid: 16_400 as number | null,
  timeline: 3 as number | null,
  startedAt: noon,
  addresses: [here] as readonly string[],
};
const later = "2026-01-01T12:30:00.000001Z";

interface Case {
  readonly name: string;
  /** What the store knows otherwise; null: nothing. */
  readonly known?: Partial<typeof known> | null;
  /** From where the changes of the source were captured last. */
  readonly captured?: { readonly systemId?: string; readonly timeline: number };
  /** An operator has decided about the source a moment ago. */
  readonly isDecidedNow?: boolean;
  /** The start of the server that another replica works on under the id. */
  readonly otherWorksOn?: string;
  /** The start of the server that the asking replica has worked on so far. */
  readonly askerWorksOn?: string;
  /** What the database says otherwise than the known server. */
  readonly found?: Partial<ServerFacts>;
  readonly address?: string;
  /** Where the asking process has another database of the id that answers. */
  readonly beside?: readonly string[];
  readonly verdict: SourceState;
}

const cases: readonly Case[] = [
  { name: "an id that nobody knows", known: null, verdict: "ok" },
  {
    name: "an id that only an older version has registered",
    known: { databaseOid: null, addresses: [] },
    verdict: "ok",
  },
  { name: "the running server that is known", verdict: "ok" },

  { name: "the running server by another URL", address: elsewhere, verdict: "ok" },
  {
    name: "the running server by another URL, beside the one that is known",
    address: elsewhere,
    beside: [here],
    verdict: "ok",
  },
  {
    name: "a server that another host calls localhost, asked where localhost is something else",
    known: { addresses: ["localhost:5432/source"] },
    beside: ["localhost:5432/source"],
    verdict: "ok",
  },
  {
    name: "a database that was renamed, which is in its URL",
    address: "db.example:5432/renamed",
    verdict: "ok",
  },

  { name: "a restart", found: { startedAt: later }, verdict: "ok" },
  {
    name: "a restart that another replica has not noticed yet",
    found: { startedAt: later },
    otherWorksOn: noon,
    verdict: "ok",
  },
  {
    name: "a restart, by the replica that has worked on the server before",
    found: { startedAt: later },
    askerWorksOn: noon,
    verdict: "ok",
  },
  {
    name: "a restart, at the second address that is known",
    known: { addresses: [elsewhere, here] },
    found: { startedAt: later },
    verdict: "ok",
  },
  {
    name: "what was asked before a restart that another replica has told: it is asked again",
    found: { startedAt: morning },
    otherWorksOn: noon,
    verdict: "conflict",
  },
  {
    name: "a restart after which the server's clock was set back",
    found: { startedAt: morning },
    verdict: "ok",
  },
  {
    name: "a container that got another IP address behind its name",
    found: { startedAt: later },
    otherWorksOn: noon,
    verdict: "ok",
  },
  {
    name: "a container that got another IP address, which is in its URL",
    found: { startedAt: later },
    address: "10.0.0.8:5432/source",
    verdict: "moved",
  },

  {
    name: "a clone on the same server",
    found: { databaseOid: 16_500 },
    address: "db.example:5432/copy",
    verdict: "moved",
  },
  {
    name: "a clone on the same server, beside its original",
    found: { databaseOid: 16_500 },
    address: "db.example:5432/copy",
    beside: [here],
    verdict: "conflict",
  },
  {
    name: "a copy of the server's files, or that server on another host",
    found: { startedAt: later },
    address: elsewhere,
    verdict: "moved",
  },
  {
    name: "a copy of the server's files, while the original is consumed",
    found: { startedAt: later },
    address: elsewhere,
    otherWorksOn: noon,
    verdict: "conflict",
  },
  {
    name: "a copy of the server's files, beside its original",
    found: { startedAt: later },
    address: elsewhere,
    beside: [here],
    verdict: "conflict",
  },

  {
    name: "a physical backup that was restored in the server's place",
    found: { startedAt: later },
    verdict: "ok",
  },
  {
    name: "a backup that was restored in the server's place, with a later timeline",
    found: { startedAt: later, timeline: 4 },
    verdict: "ok",
  },
  {
    name: "a backup of an earlier timeline in the server's place",
    found: { startedAt: later, timeline: 2 },
    verdict: "moved",
  },
  {
    name: "a dump that was restored in the database's place",
    found: { databaseOid: 16_500 },
    verdict: "moved",
  },
  {
    name: "pg_upgrade, which makes another system identifier",
    found: { systemId: "7300000000000000002", startedAt: later },
    verdict: "moved",
  },

  {
    name: "a standby that was promoted, once nobody works on the old primary",
    found: { startedAt: morning, timeline: 4 },
    address: elsewhere,
    verdict: "ok",
  },
  {
    name: "a standby that was promoted, at the same address",
    found: { startedAt: morning, timeline: 4 },
    verdict: "ok",
  },
  {
    name: "a standby that was promoted, while a replica works on the old primary",
    found: { startedAt: morning, timeline: 4 },
    address: elsewhere,
    otherWorksOn: noon,
    verdict: "conflict",
  },
  {
    name: "a standby that was promoted, beside an old primary that answers",
    found: { startedAt: later, timeline: 4 },
    address: elsewhere,
    beside: [here],
    verdict: "conflict",
  },
  {
    name: "an old primary that comes back",
    found: { startedAt: later, timeline: 2 },
    verdict: "moved",
  },

  {
    name: "an id whose server nobody has told, captured from this server",
    known: { databaseOid: null, addresses: [] },
    captured: { timeline: 3 },
    verdict: "ok",
  },
  {
    name: "an id whose server nobody has told, captured from another server",
    known: { databaseOid: null, addresses: [] },
    captured: { systemId: "7300000000000000002", timeline: 3 },
    verdict: "moved",
  },
  {
    name: "an id whose server nobody has told, captured from a later timeline",
    known: { databaseOid: null, addresses: [] },
    captured: { timeline: 4 },
    verdict: "moved",
  },
  {
    name: "an old primary that comes back once its promoted standby was captured",
    found: { startedAt: later },
    captured: { timeline: 4 },
    verdict: "moved",
  },
  {
    name: "a promoted standby that was captured, restarted",
    found: { startedAt: later, timeline: 4 },
    address: elsewhere,
    captured: { timeline: 4 },
    verdict: "ok",
  },
  {
    name: "a backup of an earlier timeline that an operator adopted after a later one had been captured",
    known: { timeline: 2 },
    found: { startedAt: later, timeline: 2 },
    isDecidedNow: true,
    captured: { timeline: 3 },
    verdict: "ok",
  },

  {
    name: "a restart of a server that tells no system identifier",
    known: { systemId: null },
    found: { systemId: null, startedAt: later },
    verdict: "ok",
  },
  {
    name: "a server that tells no system identifier, at another address",
    known: { systemId: null },
    found: { systemId: null, startedAt: later },
    address: elsewhere,
    verdict: "moved",
  },

  {
    name: "a database that was adopted just now, while a replica works on the one before",
    isDecidedNow: true,
    otherWorksOn: morning,
    verdict: "conflict",
  },
  {
    name: "a database that was adopted just now and restarted, while a replica works on the one before",
    isDecidedNow: true,
    found: { startedAt: later },
    otherWorksOn: morning,
    verdict: "conflict",
  },
];

afterEach(() =>
  system.central.pool.query(
    "delete from central.capture_cursors; delete from central.consumers; delete from central.sources",
  ),
);

async function prepare(one: Case) {
  const { known: changes = {}, captured, isDecidedNow, otherWorksOn, askerWorksOn } = one;
  const { pool } = system.central;
  if (changes !== null) {
    const { systemId, databaseOid, timeline, startedAt, addresses } = { ...known, ...changes };
    await pool.query(
      `insert into central.sources
         (source_id, name, system_id, database_oid, timeline, server_started_at, addresses, decided_at)
       values ($1, 'source', $2, $3, $4, $5, $6, case when $7 then clock_timestamp() end)`,
      [sourceId, systemId, databaseOid, timeline, startedAt, addresses, isDecidedNow ?? false],
    );
  }
  if (captured !== undefined) {
    await pool.query(
      `insert into central.capture_cursors
         (source_id, slot_name, plugin, system_id, timeline, lsn, source_time, reader, seen_at)
       values ($1, 'slot', 'pgoutput', $2, $3, 1, now(), 'reader', now() - interval '1 s')`,
      [sourceId, captured.systemId ?? known.systemId, captured.timeline],
    );
  }
  for (const [id, startedAt] of [
    [otherReplica, otherWorksOn],
    [replica, askerWorksOn],
  ]) {
    if (startedAt === undefined) continue;
    await pool.query(
      "insert into central.consumers (id, version, host, sources) values ($1, '0', 'host', jsonb_build_object($2::text, $3::text))",
      [id, sourceId, startedAt],
    );
  }
}

describe.each(cases)("$name", (one) => {
  const { known: changes = {}, found = {}, address = here, beside = [], verdict } = one;
  const { systemId, databaseOid, timeline, startedAt } = known;
  const server: ServerFacts = {
    systemId: changes?.systemId === null ? null : systemId,
    databaseOid: databaseOid ?? 0,
    timeline,
    startedAt,
    isStandby: false,
    clock: startedAt,
    ...found,
  };

  test(`is ${verdict}`, async () => {
    await prepare(one);
    const options = { address, otherAddresses: beside, consumerId: replica };
    const source = { sourceId, name: "source", server };
    const { state, reason } = await judgeSource(system.central.pool, source, options);
    expect({ state, isExplained: reason !== null }).toEqual({
      state: verdict,
      isExplained: verdict !== "ok",
    });
  });

  if (one.otherWorksOn !== undefined) return;
  test("and so the doctor says", async () => {
    await prepare(one);
    const client = await system.central.pool.connect();
    const [source] = await readKnownSources(client).finally(() => client.release());
    const refusal = judgeByFacts({ address, server }, source, new Set(beside));
    expect(refusal === undefined ? "ok" : /^\((\w+)\)/.exec(refusal)?.[1]).toBe(verdict);
  });
});
