const src = "packages/dead-letters/src";

export default [
  {
    name: "replay-without-the-right-to-send",
    in: `${src}/replay-letters.ts`,
    search: '{ table: tables.queue, privileges: ["insert"] },',
    replace: "",
    wrong: "a replay fails in its middle, instead of before its first change",
    tests: ["test:dlq/command-line.test who may do all"],
  },
  {
    name: "rights-are-not-asked-for",
    in: `${src}/run-letter-action.ts`,
    search: "await assertMayAct(placesOf(scope), action.step, central);",
    replace: "void assertMayAct;",
    wrong: "an action is recorded, and then refused by the database",
    tests: ["test:dlq/command-line.test"],
  },
  {
    name: "times-are-bounded-by-nothing",
    in: src,
    search:
      "throw new SelectionError(`nothing is both since ${row.since} and until ${row.until}`);",
    replace: "",
    wrong: "a filter that can't match looks like good news",
    tests: ["test:dlq/list", "test:cli/filters"],
  },
  {
    name: "time-without-an-offset-is-local",
    in: src,
    search:
      'return { at: offset === undefined ? `${text}${text.includes(":") ? "Z" : " 00:00Z"}` : text };',
    replace: "return { at: offset === undefined ? text : text };",
    wrong: "--since means another hour on each server",
    tests: ["@centralcloud/dead-letters:time-bound"],
  },
  {
    name: "the-30th-of-february",
    in: src,
    search: "date.getUTCMonth() === month - 1 && date.getUTCDate() === day;",
    replace: "date.getUTCMonth() < 12 && date.getUTCDate() > 0 && day > 0;",
    wrong: "a day that there is not is asked of the database, which fails",
    tests: ["@centralcloud/dead-letters:time-bound"],
  },
];
