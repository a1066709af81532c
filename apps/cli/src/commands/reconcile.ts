import { isGrave, type Reconciliation, reconcile } from "@centralcloud/cdc";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { atEachTarget, readCdcEnvironment } from "../cdc-environment.ts";
import { formatTable } from "../format-table.ts";
import { time } from "./options.ts";

export function reconcileCommand(environment: Environment): Command {
  return new Command("reconcile")
    .description(
      "compares the change log with what the queues delivered; exit code 1 when one lacks something",
    )
    .option(
      "--since <time>",
      "what happened since; default: since the capture began",
      time("--since"),
    )
    .option("--json", "one JSON document on standard output")
    .action(async ({ since, json }: { since?: Date; json?: true }) => {
      const reports = await atEachTarget(readCdcEnvironment(environment), (target) =>
        reconcile(target.source, target.central, since),
      );
      console.log(json ? JSON.stringify(reports) : reports.map(describe).join("\n\n"));
      const grave = reports.flatMap(({ missing }) => missing.filter(isGrave)).length;
      const unlogged = reports.flatMap((report) => report.unlogged).length;
      if (grave + unlogged === 0) return;
      throw new Error(`${grave} not delivered, ${unlogged} not in the change log`);
    });
}

function describe({ source, from, checked, missing, unlogged }: Reconciliation): string {
  const { patterns, sessions } = checked;
  const lines = [
    `${source}: ${patterns} patterns and ${sessions} versions of sessions since ${from.toISOString()}`,
    missing.length === 0 ? "all were delivered" : `not delivered:\n${formatTable(missing)}`,
    unlogged.length === 0
      ? "all that was delivered is in the change log"
      : `delivered, but not in the change log:\n${formatTable(unlogged)}`,
  ];
  return lines.join("\n");
}
