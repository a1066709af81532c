import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectPackages, shippedMembers } from "./installed-packages.mjs";
import { pinnedPnpm, root } from "./run.mjs";

/*
 * `npm run sbom [-- FILE]`: the software bill of materials of what runs in production, as CycloneDX 1.6 in
 * JSON; sbom.cdx.json by default. The same lockfile gives the same file, byte by byte: its serial number
 * follows from its content, its lists are sorted, and its time is that of SOURCE_DATE_EPOCH or absent.
 */

const file = process.argv[2] ?? join(root, "sbom.cdx.json");
/** What an image holds; `pnpm sbom` would list what tests and benchmarks need, too. */
const shipped = ["@centralcloud/cli", "@centralcloud/consumer"];

function generate() {
  const directory = mkdtempSync(join(tmpdir(), "centralcloud-sbom-"));
  try {
    const out = join(directory, "%s.json");
    const filters = shipped.map((name) => `--filter-prod=${name}...`);
    const words = ["sbom", "--sbom-format=cyclonedx", "--sbom-spec-version=1.6", "--prod"];
    const { status, stderr } = spawnSync(
      "npx",
      [
        "--yes",
        pinnedPnpm,
        ...filters,
        ...words,
        "--sbom-type=application",
        "--out",
        out.replace("%s", "all"),
      ],
      { cwd: root, encoding: "utf8", shell: process.platform === "win32" },
    );
    if (status !== 0) throw new Error(`pnpm sbom failed: ${stderr}`);
    return JSON.parse(readFileSync(join(directory, "all.json"), "utf8"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function by(key) {
  return (one, other) => (one[key] < other[key] ? -1 : Number(one[key] > other[key]));
}

/** A UUID that follows from a text: version 8, whose bits are ours to choose. */
function uuidOf(text) {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16], 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** pnpm's own graph differs from run to run; so it is made from what is installed. */
function dependenciesOf(components) {
  const refOf = new Map(components.map((one) => [nameOf(one), one["bom-ref"]]));
  const needsOf = new Map(
    collectPackages(shippedMembers, false).map(({ manifest, needs }) => [nameOf(manifest), needs]),
  );
  const entry = (ref, needs = []) => {
    const refs = needs.flatMap((manifest) => refOf.get(nameOf(manifest)) ?? []);
    return { ref, dependsOn: [...new Set(refs)].sort() };
  };
  // The whole needs what the command line needs, the consumer among it.
  const whole = collectPackages(shippedMembers.slice(0, 1), false)[0];
  return [
    entry(bom.metadata.component["bom-ref"], whole.needs),
    ...components.map((one) => entry(one["bom-ref"], needsOf.get(nameOf(one)))),
  ];
}

function nameOf({ group, name, version }) {
  return `${group ? `${group}/` : ""}${name}@${version}`;
}

const bom = generate();
bom.components.sort(by("bom-ref"));
bom.dependencies = dependenciesOf(bom.components);
const { timestamp: _, ...metadata } = bom.metadata;
const epoch = process.env.SOURCE_DATE_EPOCH;
const time = epoch ? { timestamp: new Date(Number(epoch) * 1000).toISOString() } : {};
const { serialNumber: __, ...content } = { ...bom, metadata: { ...time, ...metadata } };
const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
writeFileSync(file, `${JSON.stringify({ ...content, serialNumber }, null, 2)}\n`);
console.log(`${file}: ${bom.components.length} components`);
