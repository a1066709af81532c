import { captureVariables, readCaptureSettings } from "@centralcloud/cdc";
import {
  connectionsPerReplica,
  connectionVariables,
  databaseVariables,
  routes,
} from "@centralcloud/consumer";
import {
  checkNames,
  type Diagnosis,
  diagnose,
  type Finding,
  type Repair,
  repair,
} from "@centralcloud/doctor";
import { type Environment, parseConfiguration, printable } from "@centralcloud/service";
import { Command, InvalidArgumentError, Option } from "commander";
import { paint, print, wrapped } from "../output.ts";
import { reportProgress } from "../progress.ts";
import { chooseSourceUrls, SourcesMissingError, sourceOption } from "../sources.ts";
import { withChoices } from "./options.ts";

interface Summary {
  readonly ok: number;
  readonly warnings: number;
  readonly errors: number;
}

interface DoctorFlags {
  readonly json?: true;
  readonly fix?: true;
  readonly all?: true;
  readonly check?: readonly string[];
  readonly source?: readonly string[];
}

export function doctorCommand(environment: Environment): Command {
  return new Command("doctor")
    .description(
      "checks the databases for problems that are there or will come, and says what to do about each",
    )
    .option("--all", "shows also what is in order")
    .addOption(
      withChoices(
        new Option("--check <name>", "this check only; may be repeated").argParser(collectCheck),
        checkNames.toSorted(),
      ),
    )
    .addOption(sourceOption())
    .option("--json", "one JSON document on standard output, with what is in order")
    .option(
      "--fix",
      "first repairs what can be repaired without risk, and says what; then checks again",
    )
    .action(async ({ json, fix, all, check, source }: DoctorFlags) => {
      const options = await readOptions(environment, source, check);
      const diagnosis: Diagnosis & { repairs?: readonly Repair[] } = fix
        ? await repair(options)
        : await diagnose(options);
      const { findings, unreachable, repairs } = diagnosis;
      const count = (severity: string) =>
        findings.filter((one) => one.severity === severity).length;
      const summary = { ok: count("ok"), warnings: count("warning"), errors: count("error") };
      const missing = unreachable.map(({ database, reason }) => ({ source: database, reason }));
      if (json) {
        const done = repairs === undefined ? {} : { repairs };
        print(JSON.stringify({ findings, summary, unreachable: missing, ...done }));
      } else {
        const problems = findings.filter(({ severity }) => severity !== "ok");
        const others = all ? findings.filter(({ severity }) => severity === "ok") : [];
        const shown = [...worstFirst(problems), ...others];
        print([...formatRepairs(repairs), formatFindings(shown, summary)].join("\n"));
      }
      if (missing.length > 0) throw new SourcesMissingError({ unreachable: missing, failed: [] });
      if (summary.errors > 0)
        throw new Error(`the doctor found ${plural(summary.errors, "error")}`);
    });
}

function collectCheck(name: string, before: readonly string[] = []): readonly string[] {
  if (checkNames.includes(name)) return [...before, name];
  throw new InvalidArgumentError(`There are: ${checkNames.toSorted().join(", ")}.`);
}

async function readOptions(
  environment: Environment,
  sources: readonly string[] | undefined,
  checks: readonly string[] | undefined,
) {
  const values = parseConfiguration(
    { ...databaseVariables, ...connectionVariables, ...captureVariables },
    environment,
  );
  const sourceUrls = values.SOURCE_DATABASE_URLS;
  return {
    sourceUrls: await chooseSourceUrls(sourceUrls, sources),
    ...(checks === undefined ? {} : { checks }),
    centralUrl: values.CENTRAL_DATABASE_URL,
    queues: routes,
    captured: readCaptureSettings(values).tables,
    onExamined: (done: number, total: number) => reportProgress({ done, total, unit: "databases" }),
    connectionsPerReplica: connectionsPerReplica({
      sourceUrls,
      concurrency: values.CONSUMER_CONCURRENCY,
      captures: values.CDC_ENABLED,
    }),
  };
}

/** What `--fix` did; nothing where it was not asked for. */
function formatRepairs(repairs: readonly Repair[] | undefined): readonly string[] {
  if (repairs === undefined) return [];
  if (repairs.length === 0) return ["There was nothing to fix.", ""];
  const lines = repairs.map(({ check, database, what, error }) => {
    const outcome = error === undefined ? "fixed " : "failed";
    const reason = error === undefined ? "" : `: ${onOneLine(error)}`;
    return `${outcome}  ${check}  ${printable(database)}  ${onOneLine(what)}${reason}`;
  });
  return [...lines, ""];
}

/** Databases with an error come first, and within each its errors; otherwise the order stays. */
function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  const isBad = ({ severity }: Finding) => severity === "error";
  const broken = new Set(findings.filter(isBad).map(({ database }) => database));
  const databases = [...new Set(findings.map(({ database }) => database))];
  const order = [
    ...databases.filter((name) => broken.has(name)),
    ...databases.filter((name) => !broken.has(name)),
  ];
  return order.flatMap((name) => {
    const own = findings.filter(({ database }) => database === name);
    return [...own.filter(isBad), ...own.filter((finding) => !isBad(finding))];
  });
}

const meanings = { error: "bad", warning: "warning", ok: "good" } as const;

/** One line a finding, below its database; what to do and why it matters are indented beneath it. */
function formatFindings(findings: readonly Finding[], summary: Summary): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const indent = " ".repeat(13 + width);
  const lines: string[] = [];
  let database: string | undefined;
  for (const finding of findings) {
    if (finding.database !== database)
      lines.push(...(database ? [""] : []), paint("strong", printable(finding.database)));
    database = finding.database;
    const { severity, check, message } = finding;
    const label = paint(meanings[severity], severity.padEnd(7));
    lines.push(...wrapped(`  ${label}  ${check.padEnd(width)}  `, onOneLine(message), indent));
    if (finding.severity === "ok") continue;
    const fixable = finding.fix === undefined ? "" : " (or: centralcloud doctor --fix)";
    const remedy = `${onOneLine(finding.remedy)}${fixable}`;
    lines.push(...wrapped(`${indent}→ `, remedy, `${indent}  `));
    if (finding.why === undefined) continue;
    lines.push(...wrapped(`${indent}  because `, onOneLine(finding.why), `${indent}  `));
  }
  const { ok, warnings, errors } = summary;
  const counts = [
    errors > 0 ? paint("bad", plural(errors, "error")) : plural(errors, "error"),
    warnings > 0 ? paint("warning", plural(warnings, "warning")) : plural(warnings, "warning"),
    `${ok} ok`,
  ];
  return [...lines, ...(lines.length > 0 ? [""] : []), counts.join(", ")].join("\n");
}

function onOneLine(text: string): string {
  return printable(text.replaceAll(/\s*\n\s*/g, " "));
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
