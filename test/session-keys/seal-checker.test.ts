import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Stops a checker at every other moment of its threads' start. */
const program = `
  import { setTimeout as delay } from "node:timers/promises";
  import { createSealChecker, generateKey } from "@centralcloud/session-keys";
  const key = await generateKey({ alg: "openpgp", keyId: "key-1" });
  for (let waitMs = 0; waitMs < 120; waitMs += 3) {
    const checker = createSealChecker([key]);
    await checker.start();
    await delay(waitMs);
    await checker.stop();
  }
  console.log("still alive");
`;

test("a checker that is stopped while its threads start takes nothing else down", async () => {
  const words = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, words, {
    cwd: import.meta.dirname,
  });
  expect(stdout).toBe("still alive\n");
});
