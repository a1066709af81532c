const src = "packages/dead-letters/src";

export default [
  {
    name: "replay-without-the-right-to-send",
    in: `${src}/replay-letters.ts`,
    search:
      '{ function: "public.replay_dead_letters(uuid, text, text, bigint[], boolean[], jsonb)" },',
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
  {
    name: "range-is-proof-of-a-copy",
    in: src,
    search: "new Set(await lookUp(false, messages));",
    replace: "new Set(await lookUp(true, messages));",
    wrong: "a copy's own message is set aside as the original's, and is never merged",
    tests: ["test:cli/renew.test"],
  },
  {
    name: "discards-of-the-original-are-restored",
    in: `${src}/restore-chunk.ts`,
    search: 'isArchivedHere("d"),',
    replace: 'isArchivedHere("d").replace(">", "is distinct from"),',
    wrong: "a copy with an id of its own brings back what its original had discarded",
    tests: ["test:cli/renew.test"],
  },
  {
    name: "late-runner-takes-its-part-back",
    in: "sql/singularity/functions/open_action_part.sql",
    search: "where p.claim_number <= excluded.claim_number",
    replace: "where p.claim_number <> -excluded.claim_number",
    wrong: "a runner that stood still ends the one that goes on with its action",
    tests: ["test:dlq/late-runners"],
  },
  {
    name: "merged-letters-are-a-canary",
    in: src,
    search: "progress.moved - progress.merged, 0);",
    replace: "progress.moved, 0);",
    wrong: "the rest of a replay follows letters of which nothing was sent",
    tests: ["test:dlq/outcome letters whose message was merged"],
  },
];
