import { describeChecked, isGrave, type Reconciliation, reconcile } from "@centralcloud/cdc";
import type { TimeBound } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { printable } from "@centralcloud/service";
import { Command } from "commander";
import { askTargets, readCdcEnvironment } from "../cdc-environment.ts";
import { formatTable } from "../format-table.ts";
import { print } from "../output.ts";
import { reportProgress } from "../progress.ts";
import { showText, withMissing } from "../show-answers.ts";
import { addSourceOptions, assertComplete, type SourceOptions } from "../sources.ts";
import { momentOf, timeBound, timeForms } from "./options.ts";

export function reconcileCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("reconcile").description(
      "compares the change log with what the queues delivered; exit code 1 when one lacks something",
    ),
  )
    .option(
      "--since <time>",
      `what happened since then: ${timeForms}; default: since the capture began`,
      timeBound,
    )
    .option("--json", "one JSON document on standard output")
    .action(async ({ since, json, ...options }: ReconcileOptions) => {
      let entries = 0;
      const onRead = (count: number) => {
        entries += count;
        reportProgress({ done: entries, unit: "entries of the change log" });
      };
      // It reads a cursor on one connection, and asks about what it reads on another.
      const asking = { ...options, connections: 2, mostS: 600, waitsForWork: true };
      const asked = await askTargets(readCdcEnvironment(environment), asking, async (target) => {
        const moment = since && new Date(await momentOf(target.source, since));
        return await reconcile(target.source, target.central, moment, onRead);
      });
      const reports = asked.answers;
      if (json) print(withMissing(asked, "sources", JSON.stringify(reports)));
      else showText(asked, reports.map(describe).join("\n\n"));
      assertComplete(asked);
      const grave = reports.flatMap(({ missing }) => missing.filter(isGrave)).length;
      const unlogged = reports.flatMap((report) => report.unlogged).length;
      if (grave + unlogged === 0) return;
      throw new Error(`${grave} not delivered, ${unlogged} not in the change log`);
    });
}

interface ReconcileOptions extends SourceOptions {
  readonly since?: TimeBound;
  readonly json?: true;
}

function describe({
  source,
  from,
  checked,
  missing,
  unlogged,
  unreadable,
}: Reconciliation): string {
  const lines = [
    `${printable(source)}: ${describeChecked(checked)} since ${from.toISOString()}`,
    missing.length === 0 ? "all were delivered" : `not delivered:\n${formatTable(missing)}`,
    unlogged.length === 0
      ? "all that was delivered is in the change log"
      : `delivered, but not in the change log:\n${formatTable(unlogged)}`,
    ...(unreadable.length === 0
      ? []
      : [`not compared, because its time can't be read:\n${formatTable(unreadable)}`]),
  ];
  return lines.join("\n");
}
