const src = "packages/cdc/src";

export default [
  {
    name: "capture-names-no-server",
    in: `${src}/reader/claim-slot.ts`,
    search: "await options.claim();",
    replace: "",
    wrong: "a copy of a source that only captures know is captured under its id",
    tests: ["test:cdc/captured-identity"],
  },
  {
    name: "capture-beside-itself",
    in: `${src}/reader/source-capture.ts`,
    search: "configured.assertAlone(self, source);\n    self.held = source;",
    replace: "configured.assertAlone(self, source);",
    wrong: "two names of one database are both captured by a process",
    tests: ["test:cdc/captured-identity two names"],
  },
  {
    name: "first-change-is-told-raw",
    in: src,
    search: "if (failedAt(error) === undefined) throw explain(error, slot);",
    replace: "throw explain(error, slot);",
    wrong:
      "a capture that begins with a change that can't be decoded names neither table nor place",
    tests: ["test:cdc/undecodable-changes"],
  },
  {
    name: "undecodable-without-its-table",
    in: src,
    search: 'if (slot.plugin === "pgoutput" || commit === undefined) return decoder.expected;',
    replace: 'if (slot.plugin === "pgoutput" || commit === undefined) return [];',
    wrong: "a stuck capture does not say which table to leave out",
    tests: ["test:cdc/undecodable-changes"],
  },
  {
    name: "peek-takes-from-a-lost-slot",
    in: `${src}/operate`,
    search: "assertNotLost(slot, undefined);",
    replace: "void assertNotLost;",
    wrong: "cdc peek prints a raw error of a slot that is lost",
    tests: ["test:cdc/peek", "test:cdc/lost-slot", "test:cdc/lost-everywhere"],
  },
  {
    name: "confirmed-before-it-is-committed",
    in: `${src}/reader`,
    search: 'await client.query("commit"); client.release();',
    replace:
      'const committed = client.query("commit");\n    void committed.then(() => client.release(), () => client.release(true));',
    wrong: "a large transaction is missing from the change log after a crash of the central store",
    tests: ["test:cdc/held-commit"],
  },
  {
    name: "left-out-at-the-cursor",
    in: `${src}/reader`,
    search: "isRecorded: transaction.lsn < recordedLsn",
    replace: "isRecorded: transaction.lsn <= recordedLsn",
    wrong: "a transaction that begins exactly at the cursor is missing from the change log",
    tests: ["@centralcloud/cdc:transaction-reader", "test:cdc/restarts"],
  },
];
