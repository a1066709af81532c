const src = "packages/trace/src";
const cli = "apps/cli/src";

export default [
  {
    name: "trace-shows-contents",
    in: `${src}/trace.ts`,
    search: "events: reveal === undefined ? shown.map(masked) : shown,",
    replace: "events: shown.map((one) => ({ ...masked(one), ...one })),",
    wrong: "whoever may look sees what agents wrote",
    tests: ["test:trace/sessions", "test:trace/messages"],
  },
  {
    name: "trace-reveals-without-a-record",
    in: `${src}/trace.ts`,
    search: "if (reveal === undefined) return await gather(question, options);",
    replace:
      "if (reveal === undefined || sources === undefined) return await gather(question, options);",
    wrong: "nobody can tell who has read contents",
    tests: ["test:trace/sessions"],
  },
  {
    name: "trace-shows-every-column",
    in: `${src}/mask.ts`,
    search: "return maskJson(value, shown ?? {});",
    replace: 'return maskJson(value, shown ?? "all");',
    wrong: "a column that nobody has thought of is shown",
    tests: ["test:trace/unknown"],
  },
  {
    name: "trace-hides-what-was-cut",
    in: `${src}/read-source.ts`,
    search: "if (left !== undefined) this.#tellLeft(place, table, plan, left);",
    replace: "void left;",
    wrong: "an archive that was half searched seems to have nothing more",
    tests: ["test:trace/unknown"],
  },
  {
    name: "trace-forgets-pruned-merges",
    in: `${src}/read-ledger.ts`,
    search: "else if (isPruned) pruned.push(message);",
    replace: "else if (isPruned) void pruned;",
    wrong: "a message whose row of the ledger is pruned seems never to have been merged",
    tests: ["test:trace/unknown"],
  },
  {
    name: "trace-follows-no-replay",
    in: `${src}/read-source.ts`,
    search:
      "const named = known.flatMap(({ id, replayOf, newMsgId }) => [id, replayOf, newMsgId]);",
    replace: "const named = known.map(({ id }) => id);",
    wrong: "a message that was sent again ends with its dead letter",
    tests: ["test:trace/messages"],
  },
  {
    name: "trace-silent-gap",
    in: `${src}/read-gaps.ts`,
    search: "tell(`changes are missing: the capture has a gap${because}`, start, mark.at);",
    replace: "void start;",
    wrong: "what the capture has missed looks as if nothing had changed",
    tests: ["test:trace/unknown"],
  },
  {
    name: "trace-of-tomorrow",
    in: `${src}/question.ts`,
    search: "if (at > now) at.setDate(at.getDate() - 1);",
    replace: "",
    wrong: "at a quarter past midnight, --at 23:55 asks about the night that comes",
    tests: ["@centralcloud/trace:question"],
  },
  {
    name: "trace-without-silent-sources",
    in: `${cli}/commands/trace.ts`,
    search: "assertComplete({ ...found, answers: [] });",
    replace: "void assertComplete;",
    wrong: "a script takes an answer without three sources for a whole one",
    tests: ["test:trace/sources", "test:cli/unreachable-sources"],
  },
];
