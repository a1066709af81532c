import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { events as kinds } from "../support/observations.ts";

interface Entry {
  readonly level: string;
  readonly fields: readonly string[];
}

/** The table of events of docs/operate/logs.md. */
function documented(): ReadonlyMap<string, Entry> {
  const text = readFileSync(new URL("../../docs/operate/logs.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` +\| ([a-z]+) +\| ([^|]*)\| [^|\s][^|]*\|$/gm)];
  return new Map(
    rows.map(([, event = "", level = "", fields = ""]) => [
      event,
      { level, fields: [...fields.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name).sort() },
    ]),
  );
}

/** What there is one of for each message is not logged as it is; `sourceId` goes with every `source`. */
const logged: Readonly<Record<string, string | undefined>> = {
  latenciesMs: "slowestMs",
  traceparents: undefined,
  sourceId: undefined,
};

/** Where the unions are declared: each beside what tells of its events. */
const files = [
  "packages/service/src/observation.ts",
  "packages/db/src/migrate/observation.ts",
  "packages/scheduler/src/observation.ts",
  "packages/central/src/observation.ts",
  "packages/cdc/src/observation.ts",
  "packages/lane/src/observation.ts",
  "packages/dead-letters/src/observation.ts",
  "apps/consumer/src/observation.ts",
  "apps/console/src/observation.ts",
];

/** The unions in the sources: types are gone when the program runs. */
function declared(): ReadonlyMap<string, readonly string[]> {
  const source = files
    .map((file) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"))
    .join("\n");
  const text = source.replaceAll(/\/\*.*?\*\/|\/\/.*/gs, "");
  const shared = (type: string) => {
    if (/^export type LaneObservation\b/.test(type)) return ["source", "queue"];
    return /^export type \w+ = \{ readonly source: string[^{}]*\} & \(/.test(type)
      ? ["source"]
      : [];
  };
  const entries = text.split(/^(?=export )/m).flatMap((type) =>
    [...type.matchAll(/\{\s*readonly event: "([a-z-]+)";?([^{}]*)\}/g)].map(
      ([, event = "", rest = ""]) => {
        const own = [...rest.matchAll(/readonly (\w+)\??:/g)].flatMap(([, name = ""]) =>
          name in logged ? (logged[name] ?? []) : name,
        );
        return [event, [...shared(type), ...own].sort()] as const;
      },
    ),
  );
  return new Map(entries);
}

test("docs/operate/logs.md lists every event that can be logged, its level and fields, and no other", () => {
  const fields = declared();
  expect([...fields.keys()].sort()).toEqual(Object.keys(kinds).sort());
  const expected = Object.entries(kinds).map(
    ([event, { level }]) => [event, { level, fields: fields.get(event) ?? [] }] as const,
  );
  expect(Object.fromEntries(documented())).toEqual(Object.fromEntries(expected));
});
