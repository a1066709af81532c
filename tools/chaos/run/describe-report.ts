import type { ChaosReport } from "./run-chaos.ts";
import type { OutageReport } from "./run-outage.ts";

const mostDifferences = 60;

export function describeChaos(report: ChaosReport): string {
  const { plan, faults, kills, aftermathMs } = report;
  const faultLines = [...faults]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(
      ([kind, { done, thwarted }]) =>
        `${kind} ${done}${thwarted > 0 ? ` (+${thwarted} in vain)` : ""}`,
    );
  return [
    ...describeMessages(report),
    line("faults", `${faultLines.length === 0 ? "none" : faultLines.join(", ")}`),
    line("poison", list(kills) || "none"),
    line("aftermath", `${seconds(aftermathMs)} after the last fault all queues were empty`),
    line(
      "again",
      `pnpm chaos --minutes ${plan.loadMs / 60_000} --seed ${plan.seed} ${sizes(report)}`,
    ),
    ...describeDifferences(report.differences),
  ].join("\n");
}

export function describeOutage(report: OutageReport): string {
  const { plan, backlog, firstMergeS, recoveredS } = report;
  return [
    ...describeMessages(report),
    line(
      "outage",
      `${report.kind} of ${seconds(plan.outageMs)}; ${backlog} messages waited at its end`,
    ),
    line(
      "recovery",
      `first merge ${firstMergeS.toFixed(2)} s, all consumed ${recoveredS.toFixed(1)} s after its return`,
    ),
    line(
      "again",
      `pnpm chaos --scenario ${report.kind} --minutes ${plan.loadMs / 60_000} --seed ${plan.seed} ${sizes(report)}`,
    ),
    ...describeDifferences(report.differences),
  ].join("\n");
}

type Either = ChaosReport | OutageReport;

function describeMessages({ plan, checkResult, tally, durationMs }: Either): string[] {
  const { merged, deadLetters, mostDeliveries, leftAttempts } = checkResult;
  const counts = [...deadLetters]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([reason, { found, expected }]) => `${reason} ${found} of ${expected}`);
  const rate = Math.round(plan.messages / (durationMs / 1000));
  return [
    line("messages", `${plan.messages} to ${plan.sources} sources, ${plan.replicas} replicas`),
    line("merged", `${merged}, each read at most ${mostDeliveries} times`),
    line("duplicates", `${tally.duplicates} seen by replicas that lived to tell`),
    line("dead letters", counts.join(", ") || "none"),
    line("attempts", `${leftAttempts} still recorded after all was decided`),
    line("duration", `${seconds(durationMs)}, ${rate} messages a second`),
    line("lane faults", list(tally.faultCodes) || "none"),
    line("events", list(tally.events)),
  ];
}

function describeDifferences(differences: readonly string[]): string[] {
  if (differences.length === 0)
    return ["", "nothing lost, nothing counted twice, every bad message where it belongs"];
  const told = differences.slice(0, mostDifferences).map((difference) => `- ${difference}`);
  const more = differences.length - told.length;
  return [
    "",
    `${differences.length} differences:`,
    ...told,
    ...(more > 0 ? [`- and ${more} more`] : []),
  ];
}

function sizes({ plan }: Either): string {
  const { messages, replicas, sources, poisonMessages, faults } = plan;
  const only = faults === "" ? "" : ` --faults "${faults}"`;
  return `--messages ${messages} --replicas ${replicas} --sources ${sources} --poison-messages ${poisonMessages}${only}`;
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}

function line(name: string, text: string): string {
  return `${name.padEnd(14)}${text}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
