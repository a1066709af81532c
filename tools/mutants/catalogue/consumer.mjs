const src = "apps/consumer/src";

export default [
  {
    name: "drain-waits-for-ever",
    in: `${src}/drain.ts`,
    search:
      "silentSince === undefined || performance.now() - silentSince < answerTimeoutS * 1_000;",
    replace:
      "silentSince === undefined || performance.now() - silentSince < answerTimeoutS * 1_000_000;",
    wrong: "a drain never ends beside a source that does not answer",
    tests: ["test:cli/drain"],
  },
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
