import { groupDeadLetters, listDeadLetters } from "@centralcloud/dead-letters";
import fc from "fast-check";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import {
  emptyQueues,
  judge,
  patterns,
  putDeadLetter,
  putOddDeadLetter,
  scopeOf,
  sourceOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
let second: TestDatabase;
beforeAll(async () => {
  second = await createTestDatabase("source");
});
afterAll(() => dropTestDatabase(second));
afterEach(async () => {
  await emptyQueues(system);
  await second.pool.query(`truncate pgmq."q_${patterns}-dlq"`);
});

const { dlq } = deadLetterCommands(system);
const table = `pgmq."q_${patterns}-dlq"`;

/** The fingerprints of bodies of dead letters, in their order. */
async function fingerprintsOf(
  bodies: readonly unknown[],
  queue: string = patterns,
): Promise<readonly string[]> {
  const { rows } = await system.singularity.pool.query<{ fingerprint: string }>(
    `select public.dead_letter_fingerprint($2, b.body) as fingerprint
       from unnest($1::jsonb[]) with ordinality b (body, place) order by b.place`,
    [bodies.map((body) => (body === undefined ? null : JSON.stringify(body))), queue],
  );
  return rows.map((row) => row.fingerprint);
}

/** What the function has given since it is there. Change nothing here. */
const golden: readonly string[] = [
  "9d2d7f710e7acdf1",
  "9d2d7f710e7acdf1",
  "f289edd54c24b955",
  "018020522a257b79",
  "ee271a5805c9cc50",
  "a76d6cccc3038057",
  "e65234e8443ad169",
];

interface Issue {
  readonly path: string;
  readonly code: string;
}

const invalid = (issues: readonly Issue[], message = "first (and 2 more)") => ({
  reason: "invalid",
  error: { code: issues[0]?.code, message, issues },
});
const rejected = (message: string, code = "23514") => ({
  reason: "rejected",
  error: { code, message },
});

describe("a fingerprint", () => {
  test("is the same for the same set of issues, whatever their order, their number and the places in lists", async () => {
    const path = fc.constantFrom("agents", "confidence", "agents[].pattern_count", "agents[].x.y");
    const issue = fc.record({ path, code: fc.constantFrom("required", "out_of_range") });
    const concrete = fc.record({
      issues: fc.uniqueArray(issue, {
        minLength: 1,
        maxLength: 4,
        selector: (one) => `${one.path} ${one.code}`,
      }),
      places: fc.array(fc.nat({ max: 10_000 }), { minLength: 1, maxLength: 3 }),
      more: fc.boolean(),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(concrete, async ({ issues, places, more, seed }) => {
        const first = issues[0] as Issue;
        const copies = [...issues.slice(1), ...issues].flatMap((one) =>
          places.map((place) => ({ ...one, path: one.path.replaceAll("[]", `[${place}]`) })),
        );
        const turned = copies.map((_, at) => copies[(at + seed) % copies.length] as Issue);
        const counted = more ? [{ path: "", code: "more" }] : [];
        const bodies = [
          invalid(issues),
          { ...invalid([...turned, ...counted], "another"), original_message: seed, consumer: "x" },
        ].map((body) => ({ ...body, error: { ...body.error, code: first.code } }));
        const [one, other] = await fingerprintsOf(bodies);
        expect(other).toBe(one);
        const lacking = { ...bodies[0], error: { ...bodies[0]?.error, issues: issues.slice(1) } };
        const [another] = await fingerprintsOf([lacking]);
        expect(another).not.toBe(one);
      }),
      { numRuns: 200 },
    );
  });

  test("takes keys that are data for a pattern, however they are written", async () => {
    const paths = ["agents.7.confidence", "agents.agent-12.confidence", "agents.a1b2.confidence"];
    const bodies = paths.map((path) => invalid([{ path, code: "required" }]));
    expect(new Set(await fingerprintsOf(bodies)).size).toBe(1);
    const quoted = ['agents["a.b"].confidence', "agents[12].confidence", 'agents["]"].confidence'];
    const others = quoted.map((path) => invalid([{ path, code: "required" }]));
    expect(new Set(await fingerprintsOf(others)).size).toBe(1);
  });

  test("is the same for an error of the database whatever value it quotes, and another for another constraint", async () => {
    const value = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 30 }),
      fc.constantFrom('"', 'a" for relation "b', ")", "7", "\n", "x (and 2 more)"),
    );
    const clean = value.map((text) => text.replaceAll("\0", ""));
    const quoting: readonly ((value: string) => string)[] = [
      (text) => `invalid input syntax for type numeric: "${text}"`,
      (text) => `duplicate key: Key (agent_id)=(${text}) already exists.`,
      (text) => `null value in column "a" of relation "b" (Failing row contains (1, ${text}).)`,
      (text) => `ung\u00fcltig: \u00bb${text}\u00ab`,
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...quoting), clean, clean, async (quote, one, other) => {
        const found = await fingerprintsOf([rejected(quote(one)), rejected(quote(other))]);
        expect(new Set(found).size).toBe(1);
      }),
      { numRuns: 300 },
    );
    const different = [
      'violates check constraint "one"',
      'violates check constraint "other"',
      'null value in column "one"',
      'invalid input syntax for type numeric: "x"',
      'invalid input syntax for type bigint: "x"',
    ];
    const found = await fingerprintsOf(different.map((text) => rejected(text)));
    expect(new Set(found).size).toBe(different.length);
    const sized = [
      "it has 17 bytes, more than is allowed",
      "it has 9000 bytes, more than is allowed",
    ];
    expect(new Set(await fingerprintsOf(sized.map((text) => rejected(text)))).size).toBe(1);
  });

  test("tells queues, reasons and codes apart, and counts nothing that only counts", async () => {
    const body = rejected("no");
    const bodies = [body, { ...body, reason: "failed" }, rejected("no", "22000"), rejected("yes")];
    expect(new Set(await fingerprintsOf(bodies)).size).toBe(4);
    expect(await fingerprintsOf([body], "agent-sessions")).not.toEqual(
      await fingerprintsOf([body]),
    );
    const [one, other] = await fingerprintsOf([rejected("no"), rejected("no (and 2 more)")]);
    expect(other).toBe(one);
  });

  test("is made of any JSON, as what is indexed must be", async () => {
    const anything = fc.jsonValue({ stringUnit: "grapheme", maxDepth: 4 });
    const deadLetter = fc.oneof(
      anything,
      fc.record({ reason: anything, error: anything }),
      fc.record({
        error: fc.record({
          code: anything,
          message: anything,
          issues: fc.oneof(anything, fc.array(fc.record({ path: anything, code: anything }))),
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(deadLetter, { maxLength: 20 }), async (bodies) => {
        const clean = JSON.parse(JSON.stringify(bodies).replaceAll("\\u0000", ""));
        for (const fingerprint of await fingerprintsOf([undefined, ...clean])) {
          expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
        }
      }),
      { numRuns: 200 },
    );
    const long = `"(=[.${"x".repeat(1_000_000)}`;
    const issues = Array.from({ length: 20_000 }, (_, at) => ({
      path: `a[${at}]${long.slice(0, 50)}`,
      code: long.slice(0, 20),
    }));
    const startedAt = performance.now();
    expect(await fingerprintsOf([rejected(long), invalid(issues)])).toHaveLength(2);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("is never another in a later version: operators have noted it, and indexes hold it", async () => {
    const deadLetters = [
      undefined,
      {},
      { reason: "x", error: "a sentence about 7" },
      invalid([{ path: "agents[3].confidence", code: "out_of_range" }]),
      invalid([
        { path: "pattern", code: "required" },
        { path: "", code: "more" },
      ]),
      rejected('new row for relation "patterns" violates check constraint "c1" (value "x")'),
      rejected("Key (agent_id)=(x) already exists.", "23505"),
    ];
    expect(await fingerprintsOf(deadLetters)).toEqual(golden);
  });
});

describe("groups", () => {
  test("tell of each how many there are, from where, since when, by the hour, and what would become of them now", async () => {
    const bad = patternMessage({ confidence: 2 });
    const at = (time: string) => `2026-01-01T${time}Z`;
    for (const index of [0, 1, 2]) {
      const error = `agents[${index}].confidence must be between 0 and 1`;
      await putDeadLetter(system.singularity, { error, at: at(`0${index}:10:00`) });
      await putDeadLetter(second, {
        error: `${error} (and 2 more)`,
        original: bad,
        at: at("02:59:59"),
      });
    }
    await putDeadLetter(system.singularity, { reason: "rejected", code: "23514", error: "no" });
    const [one, other] = [await sourceOf(system.singularity), await sourceOf(second)];
    const scope = { sources: [one, other], queues: [patterns] as const };
    const { groups, others } = await groupDeadLetters(scope, {}, { limit: 10, judge });
    expect(others).toBe(0);
    expect(groups).toEqual([
      {
        fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
        queue: patterns,
        reason: "invalid",
        code: "out_of_range",
        error: "agents[].confidence must be between 0 and 1",
        issues: [],
        count: 6,
        isBound: false,
        oldestAt: "2026-01-01T00:10:00.000000Z",
        newestAt: "2026-01-01T02:59:59.000000Z",
        hours: [
          { at: "2026-01-01T02:00:00Z", count: 4 },
          { at: "2026-01-01T01:00:00Z", count: 1 },
          { at: "2026-01-01T00:00:00Z", count: 1 },
        ],
        sources: expect.arrayContaining([
          { source: one.name, sourceId: one.sourceId, count: 3, isBound: false },
          { source: other.name, sourceId: other.sourceId, count: 3, isBound: false },
        ]),
        now: { sampled: 6, accepted: 3, refused: 3, unknown: 0 },
      },
      expect.objectContaining({ reason: "rejected", count: 1 }),
    ]);
    const early = await groupDeadLetters(scope, { until: { at: at("01:30:00") } }, { limit: 10 });
    expect(early.groups).toMatchObject([
      { count: 2, newestAt: "2026-01-01T01:10:00.000000Z", now: null },
    ]);
    const high = await groupDeadLetters(scope, { path: "$.confidence > 1" }, { limit: 10 });
    expect(high.groups).toMatchObject([{ count: 3, sources: [{ source: other.name }] }]);
    const few = await groupDeadLetters(scope, {}, { limit: 1 });
    expect(few.groups.length + few.others).toBeGreaterThan(1);
  });

  test("have the issues of their dead letters, each once, as patterns", async () => {
    const issues = [
      { path: "agents[1].confidence", code: "out_of_range", message: "…" },
      { path: "agents[7].confidence", code: "out_of_range", message: "…" },
      { path: "updated_at", code: "required", message: "…" },
      { path: "secret[1]", code: "required", message: "…" },
      { path: "", code: "more", message: "…" },
    ];
    await putOddDeadLetter(system.singularity, JSON.stringify(invalid(issues)));
    const { groups } = await groupDeadLetters(await scopeOf(system), {}, { limit: 10 });
    expect(groups[0]?.issues).toEqual([
      { path: "agents[].confidence", code: "out_of_range" },
      { path: "updated_at", code: "required" },
    ]);
  });

  test("hold the dead letters that were there before fingerprints were", async () => {
    const index = `pgmq."q_${patterns}-dlq_fingerprint_idx"`;
    await system.singularity.pool.query(`drop index ${index}`);
    for (const n of [1, 2, 3]) {
      await putDeadLetter(system.singularity, {
        error: `agents[${n}].confidence must be a string`,
      });
    }
    await system.singularity.pool.query(`select public.create_queue('${patterns}')`);
    await putDeadLetter(system.singularity, { error: "agents[9].confidence must be a string" });
    const { groups } = await groupDeadLetters(await scopeOf(system), {}, { limit: 10 });
    expect(groups).toMatchObject([{ count: 4 }]);
    const { rows } = await system.singularity.pool.query(`select to_regclass($1) as index`, [
      index,
    ]);
    expect(rows[0]?.index).not.toBeNull();
  });

  test("of more dead letters than are counted say that they are a bound, and pages of one group come from its index", async () => {
    const count = 230_000;
    await system.singularity.pool.query(
      `insert into ${table} (vt, enqueued_at, message)
       select now(), timestamptz '2026-01-01' + i * interval '1 second',
              jsonb_build_object('reason', 'rejected', 'error', jsonb_build_object('code', '23514',
                'message', case when i % 1000 = 0 then 'rare' else 'common ' || i end))
         from generate_series(1, ${count}) i`,
    );
    await system.singularity.pool.query(`analyze ${table}`);
    const pool = new pg.Pool({
      idleTimeoutMillis: 0,
      connectionString: system.singularity.url,
      max: 1,
    });
    try {
      const source = { ...(await sourceOf(system.singularity)), pool };
      const scope = { sources: [source], queues: [patterns] as const };
      const { groups } = await groupDeadLetters(scope, {}, { limit: 10, judge });
      expect(groups).toMatchObject([
        { isBound: true, oldestAt: "2026-01-01T00:00:01.000000Z", error: "…" },
        { count: 230, isBound: false },
      ]);
      const [common, rare] = groups;
      expect(common?.count).toBeLessThan(count);
      const accesses = async () => {
        await pool.query("select pg_stat_force_next_flush()");
        const { rows } = await pool.query<{ scans: number; rows: number }>(
          `select seq_scan::integer as scans, idx_tup_fetch::integer as rows
             from pg_stat_user_tables where relname = $1`,
          [`q_${patterns}-dlq`],
        );
        return rows[0] as { scans: number; rows: number };
      };
      const before = await accesses();
      const filter = { fingerprints: [rare?.fingerprint ?? ""] };
      const page = await listDeadLetters(scope, filter, { limit: 50 });
      expect(page.deadLetters).toHaveLength(50);
      const next = await listDeadLetters(scope, filter, { limit: 50, after: page.next ?? "" });
      expect(next.deadLetters.map(({ at }) => at)).toEqual(
        next.deadLetters
          .map(({ at }) => at)
          .toSorted()
          .toReversed(),
      );
      const end = await accesses();
      expect(end.scans - before.scans).toBe(0);
      expect(end.rows - before.rows).toBeLessThanOrEqual(120);
    } finally {
      await pool.end();
    }
  }, 120_000);
});

describe("--fingerprint", () => {
  test("selects one group for every command that selects, and is told by list, groups and show", async () => {
    const id = await putDeadLetter(system.singularity, { error: "pattern must be a JSON object" });
    const rest = [await putDeadLetter(system.singularity), await putDeadLetter(system.singularity)];
    const { deadLetters } = JSON.parse((await dlq("list", "--json")).stdout);
    const { fingerprint } = deadLetters.find((one: { id: string }) => one.id === id);
    const { groups } = JSON.parse((await dlq("groups", "--json")).stdout);
    expect(groups).toMatchObject([{ count: 2 }, { count: 1, fingerprint }]);
    expect((await dlq("groups")).stdout).toContain(
      `--fingerprint ${fingerprint}, would be accepted now: 1 of 1 sampled`,
    );
    expect((await dlq("list", "--groups")).stdout).toBe((await dlq("groups")).stdout);
    expect(JSON.parse((await dlq("show", id, "--json")).stdout)).toMatchObject({ fingerprint });
    const of = ["--fingerprint", fingerprint] as const;
    expect(JSON.parse((await dlq("list", ...of, "--json")).stdout).deadLetters).toMatchObject([
      { id },
    ]);
    expect((await dlq("export", ...of)).stdout.trim().split("\n")).toHaveLength(1);
    for (const verb of ["replay", "discard"]) {
      const preview = JSON.parse((await dlq(verb, ...of, "--dry-run", "--json")).stdout);
      expect(preview).toMatchObject({ deadLetters: 1 });
    }
    const done = async (...words: string[]) =>
      JSON.parse((await dlq(...words, ...of, ...why, "--json")).stdout);
    expect(await done("discard")).toMatchObject({ discarded: 1 });
    expect(await done("restore")).toMatchObject({ restored: 1 });
    expect(await done("replay")).toMatchObject({ replayed: 1 });
    expect(
      JSON.parse((await dlq("list", "--json")).stdout).deadLetters.map(
        (one: { id: string }) => one.id,
      ),
    ).toEqual(rest.toReversed());
    const wrong = await dlq("list", "--fingerprint", "confidence");
    expect(wrong).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("is not a fingerprint"),
    });
  });
});
