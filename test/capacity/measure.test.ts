import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readCommands, readFigures, readValidation, root } from "../../tools/capacity/figures.ts";

/*
 * What the figures are measured with must still run, and give what the document reads; what they are in so small a
 * run means nothing. Processor times are read from /proc.
 */

const isLinux = process.platform === "linux";

async function runQuick(command: string): Promise<unknown> {
  const program = join(root, "tools/dist/capacity/main.js");
  const { stdout } = await promisify(execFile)(process.execPath, [program, command, "--quick"]);
  return JSON.parse(stdout);
}

test.skipIf(!isLinux)(
  "measuring gives every figure that the document computes from",
  async () => {
    const figures = await runQuick("measure");
    expect(shapeOf(figures)).toEqual(shapeOf(readFigures()));
  },
  120_000,
);

test.skipIf(!isLinux)(
  "a burst into a real system is seen to its end, beside the simulation",
  async () => {
    const validation = await runQuick("validate");
    expect(shapeOf(validation)).toEqual(shapeOf(readValidation()));
  },
  120_000,
);

test.skipIf(!isLinux)(
  "every command that looks at all sources is timed",
  async () => {
    const measured = await runQuick("commands");
    // A ratio to a bare connection is of later measurements only.
    expect(shapeOf(measured)).toMatchObject(shapeOf(readCommands()) as object);
  },
  120_000,
);

/** The names of all fields, and what kind each is; of a list, what its first is like. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [shapeOf(value[0])];
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)] as const),
  );
}
