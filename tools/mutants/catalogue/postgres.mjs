const src = "packages/postgres/src";

export default [
  {
    name: "password-without-end",
    in: src,
    search: "if (this.#steps.has(step)) {",
    replace: "if (this.#steps.has(-1)) {",
    wrong: "a hostile server keeps the threads busy by which others are connected to",
    tests: ["@centralcloud/postgres:answer-limit"],
  },
  {
    name: "pooled-commits-may-be-lost",
    in: src,
    search:
      'synchronous_commit: { value: "on", alike: /^(?!off$)/, bearable: /^(?!off$)/, isYours: true },',
    replace: 'synchronous_commit: { value: "on", alike: /^(?!off$)/, isYours: true },',
    wrong: "behind a pooler a message leaves its queue though its effect may be lost",
    tests: ["test:connections/pooled-settings"],
  },
  {
    name: "row-security-hides-behind-a-pooler",
    in: src,
    search: "if (!wish.anyDatabase) await assertNothingHidden(query);",
    replace: "void assertNothingHidden;",
    wrong: "behind a pooler a queue looks empty where a policy hides its rows",
    tests: ["test:connections/row-security behind a pooler"],
  },
  {
    name: "data-exceptions-are-nobodys",
    in: src,
    search: '{ kind: "data-refused", owner: "message", scope: "lane", states: ["22"] },',
    replace: '{ kind: "data-refused", owner: "nobody", scope: "lane", states: ["22"] },',
    wrong: "a message that the database refuses stops its lane for ever",
    tests: ["@centralcloud/postgres:fault.test"],
  },
  {
    name: "conflicts-are-the-messages",
    in: src,
    search: '{ kind: "conflict", owner: "nobody", scope: "lane", states: ["40"] },',
    replace: '{ kind: "conflict", owner: "message", scope: "lane", states: ["40"] },',
    wrong: "a deadlock dead-letters good messages",
    tests: ["@centralcloud/postgres:fault.test"],
  },
  {
    name: "secrets-in-addresses",
    in: src,
    search: "return `${host}${pathname}`;",
    replace: "return [url, host, pathname][0] as string;",
    wrong: "passwords are in the log",
    tests: ["@centralcloud/postgres:url", "test:cli/commands says which database"],
  },
];
