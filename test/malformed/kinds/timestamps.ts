import { json, knowledge, patterns, sessions, valid } from "../fields.ts";
import { type Ingredients, invalid, type Kind, type Outcome, stored } from "../kind.ts";

/** A time as it is written, and as PostgreSQL writes it in UTC. */
const good: readonly (readonly [text: string, value: string])[] = [
  ["2025-10-25T10:00:00Z", "2025-10-25 10:00:00+00"],
  ["2025-10-25t10:00:00z", "2025-10-25 10:00:00+00"],
  ["2025-10-25T10:00", "2025-10-25 10:00:00+00"],
  ["2025-10-25T10:00:00", "2025-10-25 10:00:00+00"],
  ["2025-10-25T10:00:00+02", "2025-10-25 08:00:00+00"],
  ["2025-10-25T10:00:00+0530", "2025-10-25 04:30:00+00"],
  ["2025-10-25T10:00:00-05:30", "2025-10-25 15:30:00+00"],
  ["2025-10-25T10:00:00-00:00", "2025-10-25 10:00:00+00"],
  ["2025-10-25T10:00:00+15:59", "2025-10-24 18:01:00+00"],
  ["2025-10-25T10:00:00-15:59", "2025-10-26 01:59:00+00"],
  ["2025-10-25T10:00:00.1234564Z", "2025-10-25 10:00:00.123456+00"],
  ["2025-10-25T23:59:59.99999999999999999999Z", "2025-10-26 00:00:00+00"],
  ["2024-02-29T00:00:00Z", "2024-02-29 00:00:00+00"],
  ["2000-02-29T00:00:00Z", "2000-02-29 00:00:00+00"],
  ["2016-12-31T23:59:60Z", "2017-01-01 00:00:00+00"],
  ["0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00"],
  ["0001-01-01T00:00:00+15:59", "0001-12-31 08:01:00+00 BC"],
  ["9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999+00"],
  ["9999-12-31T23:59:59-15:59", "10000-01-01 15:58:59+00"],
  ["1582-10-10T00:00:00Z", "1582-10-10 00:00:00+00"],
];

const bad = [
  "infinity",
  "-infinity",
  "Infinity",
  "now",
  "today",
  "epoch",
  "allballs",
  "",
  " ",
  "2025-10-25",
  "10:00:00Z",
  "2025-10-25 10:00:00Z",
  " 2025-10-25T10:00:00Z",
  "2025-10-25T10:00:00Z ",
  "2025-10-25T10:00:00Z\n",
  "0000-01-01T00:00:00Z",
  "-0001-01-01T00:00:00Z",
  "10000-01-01T00:00:00Z",
  "294277-01-01T00:00:00Z",
  "+12025-10-25T10:00:00Z",
  "0001-01-01T00:00:00Z BC",
  "2025-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2025-04-31T00:00:00Z",
  "2025-13-01T00:00:00Z",
  "2025-00-10T00:00:00Z",
  "2025-10-32T00:00:00Z",
  "2025-10-25T24:00:00Z",
  "2025-10-25T10:60:00Z",
  "2025-10-25T10:00:61Z",
  "2016-12-31T23:59:60.5Z",
  "2025-10-25T10:00:00+25:00",
  "2025-10-25T10:00:00+16:00",
  "2025-10-25T10:00:00+00:60",
  "2025-10-25T10:00:00+2",
  "2025-10-25T10:00:00 Europe/Berlin",
  "2025-10-25T10:00:00ZZ",
  "2025-10-25T10:00:00,5Z",
  "2025-10-25T10:00:00.Z",
  `2025-10-25T10:00:00.${"1".repeat(21)}Z`,
  "2025-W43-6T10:00:00Z",
  "2025-298T10:00:00Z",
  "20251025T100000Z",
  "25/10/2025 10:00",
  "Sat, 25 Oct 2025 10:00:00 GMT",
  "1761386400",
  "٢٠٢٥-10-25T10:00:00Z",
];

/** Where each queue has its time, and the column that it goes to. */
const times = [
  { queue: patterns, key: "learned_at", column: "learned_at" },
  { queue: sessions, key: "synced_at", column: "synced_at" },
  { queue: knowledge, key: "updated_at", column: "updated_at" },
] as const;

function time(
  name: string,
  draw: (i: Ingredients) => [json: string, (column: string) => Outcome],
): Kind {
  return {
    name,
    make: (i) => {
      const { queue, key, column } = i.random.pick(times);
      const [text, outcome] = draw(i);
      return { queue, body: valid(queue, i, { [key]: text }), outcome: outcome(column) };
    },
  };
}

export const timestampKinds: readonly Kind[] = [
  time("a time in an odd form", ({ random }) => {
    const [text, value] = random.pick(good);
    return [json(text), (column) => stored({ [column]: value })];
  }),
  time("a time that is none, or out of range", ({ random }) => [
    json(random.pick(bad)),
    (column) => invalid(column, "malformed"),
  ]),
  time("a time as a number", ({ random }) => [
    random.pick(["0", "1761386400", "1761386400000", "-1", "1e400"]),
    (column) => invalid(column, "wrong_type"),
  ]),
  {
    ...time("a time that continues for a hundred thousand digits", () => [
      json(`2025-10-25T10:00:00.${"0".repeat(100_000)}Z`),
      (column) => invalid(column, "malformed"),
    ]),
    weight: 0.1,
  },
];
