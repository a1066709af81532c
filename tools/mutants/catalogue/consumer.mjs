const src = "apps/consumer/src";

export default [
  {
    name: "server-that-was-not-judged-is-read",
    in: `${src}/source-identity.ts`,
    search: "if (startedAt !== held.server.startedAt) throw new SourceNotJudgedError(error);",
    replace:
      'if (startedAt === "" && startedAt !== held.server.startedAt) throw new SourceNotJudgedError(error);',
    wrong: "messages of an old primary are merged while the central store can't be asked",
    tests: ["test:consumer/moved-servers while the central store"],
  },
];
