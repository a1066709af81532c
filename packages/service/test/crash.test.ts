import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const service = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const row = "ROW-4711";
const refuse = `Object.assign(new Error('duplicate ${row}'), { code: "23505", detail: "${row}" })`;

function crash(statement: string, prepare: string) {
  const program = `import { endOnCrash } from ${JSON.stringify(service)}; ${prepare}; ${statement}`;
  const words = ["--input-type=module", "--eval", program];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
  return { status, stderr };
}

describe("an error that nobody caught ends the process without the row that it quotes", () => {
  test.each([
    ["thrown", `setImmediate(() => { throw ${refuse}; })`],
    ["a rejection", `void Promise.reject(${refuse})`],
  ])("%s", (_, statement) => {
    const { status, stderr } = crash(statement, "endOnCrash()");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^Error: refused by the database \(23505\)\n/);
    expect(stderr).not.toContain(row);
    // Node by itself would have told it.
    expect(crash(statement, "").stderr).toContain(row);
  });
});
