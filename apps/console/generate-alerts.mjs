import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/*
 * Writes assets/alerts.json: each alert of the rules for Prometheus, with the section of the docs that has its name as its
 * heading, in whichever page of docs/ that is. With --check it only says whether the file is as it should be.
 */

const root = fileURLToPath(new URL("../../", import.meta.url));
const target = fileURLToPath(new URL("assets/alerts.json", import.meta.url));

const pages = readdirSync(join(root, "docs"), { recursive: true })
  .filter((name) => name.endsWith(".md"))
  .sort()
  .map((name) => readFileSync(join(root, "docs", name), "utf8"));

/** What stands beneath a heading, until the next heading of its level or above. */
function sectionOf(name) {
  for (const page of pages) {
    const lines = page.split("\n");
    const start = lines.findIndex((line) => new RegExp(`^#{1,4} ${name}\\s*$`).test(line));
    if (start < 0) continue;
    const level = lines[start].indexOf(" ");
    const length = lines.slice(start + 1).findIndex((line) => {
      const [hashes] = /^#+ /.exec(line) ?? [""];
      return hashes !== "" && hashes.length - 1 <= level;
    });
    const end = length < 0 ? lines.length : start + 1 + length;
    return lines
      .slice(start + 1, end)
      .join("\n")
      .trim();
  }
  throw new Error(`no page of docs/ has a heading ${name}, which is an alert`);
}

const { groups } = parse(
  readFileSync(join(root, "deploy/observability/prometheus-rules.yaml"), "utf8"),
);
const alerts = groups.flatMap(({ name: group, rules }) =>
  rules
    .filter(({ alert }) => alert !== undefined)
    .map(({ alert, expr, for: holds, labels, annotations }) => ({
      name: alert,
      group,
      severity: labels.severity,
      summary: annotations.summary,
      description: annotations.description,
      expression: expr.trim(),
      ...(holds === undefined ? {} : { for: holds }),
      runbook: sectionOf(alert),
    })),
);
const text = `${JSON.stringify(alerts, null, 2)}\n`;

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error("apps/console/assets/alerts.json is not that of the rules and docs: pnpm generate");
  process.exitCode = 1;
}
