import { inject, TestRunner, test } from "vitest";

/** Runs the files of the full profile; where it is missing, each is one skipped test, or fails. */
export default class FullProfileRunner extends TestRunner {
  override importFile(...[path, source]: Parameters<TestRunner["importFile"]>): unknown {
    const profile = inject("fullProfile");
    if (!("missing" in profile)) return super.importFile(path, source);
    if (profile.required) throw new Error(`No full profile: ${profile.missing}`);
    return test.skip(`No full profile: ${profile.missing}`);
  }
}
