const migrate = "packages/db/src/migrate";

export default [
  {
    name: "unknown-migration-beside-a-missing-one",
    in: migrate,
    search: "if (unknown.length > 0) {",
    replace: "if (unknown.length > 0 && names.length > journal.length) {",
    wrong: "a database of another branch is migrated, and is of neither afterwards",
    tests: ["test:singularity/migrate.test"],
  },
  {
    name: "newer-database-is-migrated",
    in: migrate,
    search: "if (unknown.length > 0) {",
    replace: "if (unknown.length > 9) {",
    wrong: "an older build puts older functions into a newer database",
    tests: ["test:singularity/migrate.test"],
  },
  {
    name: "unmigrated-source-has-no-name",
    in: "packages/db/src/source.ts",
    search: "throw codeOf(error) === sqlState.undefinedTable ? new NotASourceError() : error;",
    replace: "throw codeOf(error) === sqlState.undefinedFunction ? new NotASourceError() : error;",
    wrong: "a command on a database that is not migrated prints the error of a missing relation",
    tests: ["test:cli/unmigrated a source that is not"],
  },
  {
    name: "slot-advice-while-the-store-is-down",
    in: "packages/doctor/src/checks/capture-slot.ts",
    search: ": judge(slot, hasStore);",
    replace: ": judge(slot, hasStore || !hasStore);",
    wrong: "the doctor advises to drop a capture that only waits for the central store",
    tests: ["test:cdc/doctor"],
  },
  {
    name: "lost-publication-is-healthy",
    in: "packages/cdc/src/slot/capture-slot.ts",
    search: 'if (slot.plugin === "pgoutput" && publicationId === null) {',
    replace: 'if (slot.plugin === "pgoutput" && publicationId === 0) {',
    wrong: "a capture whose publication was dropped is called healthy",
    tests: ["test:cdc/doctor", "test:cdc/lost-everywhere"],
  },
  {
    name: "overtaken-slot-is-healthy",
    in: "packages/cdc/src/slot/capture-slot.ts",
    search: "if (confirmed > cursor.lsn) {",
    replace: "if (confirmed < cursor.lsn && confirmed > cursor.lsn) {",
    wrong: "changes that somebody else took from the slot are missing, and nothing says so",
    tests: ["test:cdc/overtaken-slot", "test:cdc/lost-everywhere"],
  },
];
