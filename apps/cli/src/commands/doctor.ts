import { databaseVariables, routes } from "@centralcloud/consumer";
import { diagnose, type Finding } from "@centralcloud/db";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { Command } from "commander";

export function doctorCommand(environment: Environment): Command {
  return new Command("doctor")
    .description("looks for whatever would bite later; exit code 1 when there is an error")
    .option("--json", "one JSON document on standard output")
    .action(async ({ json }: { json?: true }) => {
      const values = parseConfiguration(databaseVariables, environment);
      const { findings, unreachable } = await diagnose({
        sourceUrls: values.SOURCE_DATABASE_URLS,
        centralUrl: values.CENTRAL_DATABASE_URL,
        queues: routes,
      });
      const count = (severity: string) =>
        findings.filter((one) => one.severity === severity).length;
      const summary = { ok: count("ok"), warnings: count("warning"), errors: count("error") };
      console.log(json ? JSON.stringify({ findings, summary }) : formatFindings(findings, summary));
      const [first] = unreachable;
      if (first !== undefined && unreachable.length === findings.length) throw first;
      if (summary.errors > 0)
        throw new Error(`the doctor found ${plural(summary.errors, "error")}`);
    });
}

/** One line a finding, below its database; what to do is indented beneath it. */
function formatFindings(
  findings: readonly Finding[],
  summary: { ok: number; warnings: number; errors: number },
): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines: string[] = [];
  let database: string | undefined;
  for (const finding of findings) {
    if (finding.database !== database) lines.push(...(database ? [""] : []), finding.database);
    database = finding.database;
    const { severity, check, message } = finding;
    lines.push(`  ${severity.padEnd(7)}  ${check.padEnd(width)}  ${onOneLine(message)}`);
    if (finding.severity !== "ok")
      lines.push(`${" ".repeat(13 + width)}→ ${onOneLine(finding.remedy)}`);
  }
  const { ok, warnings, errors } = summary;
  const counts = [plural(errors, "error"), plural(warnings, "warning"), `${ok} ok`];
  return [...lines, "", counts.join(", ")].join("\n");
}

function onOneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
