import fc from "fast-check";
import { decodeTime, isValid, ulid, ulidToUUID, uuidToULID } from "ulid";
import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const db = () => system.singularity.pool;
const fixture = "01GV5PA9EQG7D82Q3Y4PKBZSYV";
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

test("the documented ULID is its uuid and its time, and back", async () => {
  const { rows } = await db().query(
    `select ulid_to_uuid($1)::text as uuid, uuid_to_ulid('0186cb65-25d7-81da-815c-7e25a6bfe7db') as ulid,
            ulid_timestamp($1) = '2023-03-10 12:00:49.111 UTC' as time`,
    [fixture],
  );
  expect(rows).toEqual([
    { uuid: "0186cb65-25d7-81da-815c-7e25a6bfe7db", ulid: fixture, time: true },
  ]);
});

test("any uuid becomes the ULID that the specification says, and back", async () => {
  const property = fc.asyncProperty(
    fc.uuid({ version: [1, 2, 3, 4, 5, 6, 7, 8] }),
    async (uuid) => {
      let value = BigInt(`0x${uuid.replaceAll("-", "")}`);
      let expected = "";
      for (let digit = 0; digit < 26; digit++) {
        expected = alphabet[Number(value % 32n)] + expected;
        value /= 32n;
      }
      const { rows } = await db().query(
        "select uuid_to_ulid($1) as ulid, ulid_to_uuid($2)::text as uuid",
        [uuid, expected],
      );
      expect(rows).toEqual([{ ulid: expected, uuid }]);
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test.each([
  "",
  "01GV5PA9EQG7D82Q3Y4PKBZSY",
  `${fixture}0`,
  "81GV5PA9EQG7D82Q3Y4PKBZSYV",
  "01GV5PA9EQG7D82Q3Y4PKBZSYU",
])("%j is not a ULID", async (text) => {
  await expect(db().query("select ulid_to_uuid($1)", [text])).rejects.toMatchObject({
    code: "22023",
  });
});

test("characters that are mistaken for digits are read as the digits", async () => {
  const { rows } = await db().query(
    `select ulid_to_uuid('olgv5pa9eqg7d82q3y4pkbzsyv') = ulid_to_uuid($1) as same`,
    [fixture],
  );
  expect(rows).toEqual([{ same: true }]);
});

test.each(["select gen_ulid() from generate_series(1, 5000)", "select gen_ulids(5000)"])(
  "those of one session ascend, also within a millisecond: %s",
  async (statement) => {
    const { rows } = await db().query<string[]>({ text: statement, rowMode: "array" });
    const ulids = rows.map((row) => row[0] as string);
    expect(ulids).toEqual([...ulids].sort());
    expect(new Set(ulids).size).toBe(5000);
    for (const ulid of ulids) expect(ulid).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
  },
);

test("a clock that goes back, and random bits that overflow, still ascend", async () => {
  const client = await db().connect();
  const max = 2n ** 40n - 1n;
  const future = BigInt(Date.now()) + 3_600_000n;
  await client.query(
    `select set_config('centralcloud.last_ulid', '${future} ${max} ${max - 1n}', false)`,
  );
  const { rows } = await client.query("select gen_ulid() as ulid from generate_series(1, 3)");
  const many = await client.query("select gen_ulids(3) as ulid");
  client.release(true);
  const ulids = [...rows, ...many.rows].map((row) => row.ulid as string);
  expect(ulids[0]).toMatch(/Z{16}$/);
  expect(ulids[1]).toMatch(/0{16}$/);
  expect(ulids).toEqual([...ulids].sort());
});

test("its time is now, and those of other sessions differ", async () => {
  const make = async () =>
    (
      await db().query(
        "select gen_ulid() as ulid, abs(extract(epoch from clock_timestamp() - ulid_timestamp(gen_ulid()))) < 1 as now",
      )
    ).rows[0];
  const made = await Promise.all([make(), make(), make(), make()]);
  expect(new Set(made.map((row) => row.ulid)).size).toBe(4);
  expect(made.every((row) => row.now)).toBe(true);
});

test("the library of the TypeScript side and the functions here understand each other", async () => {
  const made = ulid();
  const { rows } = await db().query(
    `select ulid_to_uuid($1)::text as uuid, gen_ulid() as ulid,
            round(extract(epoch from ulid_timestamp($1)) * 1000)::double precision as ms`,
    [made],
  );
  expect(rows[0].uuid).toBe(ulidToUUID(made).toLowerCase());
  expect(rows[0].ms).toBe(decodeTime(made));
  expect(isValid(rows[0].ulid)).toBe(true);
  expect(uuidToULID("0186cb65-25d7-81da-815c-7e25a6bfe7db")).toBe(fixture);
});
