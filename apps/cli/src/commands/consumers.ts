import type { ReplicaReport } from "@centralcloud/central";
import { readReplicas } from "@centralcloud/inspect";
import { type Environment, shorten } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../format-table.ts";
import { print } from "../output.ts";
import { showText, withMissing } from "../show-answers.ts";
import { assertComplete, timeoutOption } from "../sources.ts";
import { readCentralUrl } from "./central.ts";

interface Options {
  readonly timeout?: number;
  readonly json?: true;
}

export function consumersCommand(environment: Environment): Command {
  return new Command("consumers")
    .description("the replicas of the consumer: their lanes, their faults, and the keys they hold")
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async ({ timeout, json }: Options) => {
      const url = readCentralUrl(environment);
      const asked = await readReplicas(url, timeout === undefined ? {} : { timeout });
      const replicas = asked.answers.flat();
      if (json) print(withMissing(asked, "consumers", JSON.stringify(replicas.map(asJson))));
      else showText(asked, describe(replicas));
      assertComplete(asked);
    });
}

/** One lane of a replica, with what keeps it from working. */
interface LaneReport {
  readonly source: string;
  readonly queue: string;
  readonly side?: string;
  readonly error?: string;
  readonly crashes?: number;
}

function lanesOf({ readiness }: ReplicaReport): readonly LaneReport[] | null {
  if (readiness === null) return null;
  return readiness.sources.flatMap(({ name, lanes }) =>
    lanes.map(({ queue, fault, crashes }) => ({
      source: name,
      queue,
      ...(fault === undefined ? {} : { side: fault.side, error: fault.error }),
      ...(crashes === undefined ? {} : { crashes }),
    })),
  );
}

/** What keeps a replica from working, in sentences; null where it does not say. */
function faultsOf({ readiness }: ReplicaReport): readonly string[] | null {
  if (readiness === null) return null;
  const { central, sources } = readiness;
  return [
    ...(central === undefined ? [] : [`the central store: ${central.error}`]),
    ...sources.flatMap(({ name, waitingFor, lanes }) => [
      ...(waitingFor === undefined ? [] : [`${name} waits: ${waitingFor}`]),
      ...lanes.flatMap(({ queue, fault, crashes }) => [
        ...(fault === undefined ? [] : [`${queue} of ${name}, ${fault.side}: ${fault.error}`]),
        ...(crashes === undefined ? [] : [`${queue} of ${name} crashed ${crashes} times`]),
      ]),
    ]),
  ];
}

function asJson({ heldKeys, ...replica }: ReplicaReport) {
  const lanes = lanesOf({ heldKeys, ...replica });
  return { ...replica, lanes, faults: faultsOf({ heldKeys, ...replica }), keys: heldKeys };
}

function describe(replicas: readonly ReplicaReport[]): string {
  const rows = replicas.map((replica) => ({
    id: replica.id,
    state: replica.state,
    version: replica.version,
    host: shorten(replica.host, 40),
    started: replica.startedAt.slice(0, 19),
    seen: replica.lastSeenAt.slice(0, 19),
    ready: replica.readiness === null ? "unknown" : replica.readiness.ready ? "yes" : "no",
    lanes: lanesOf(replica)?.length ?? null,
    faults: faultsOf(replica)?.length ?? null,
    keys: replica.heldKeys === null ? "unknown" : Object.keys(replica.heldKeys).join(", "),
  }));
  const faults = replicas.flatMap((replica) =>
    (faultsOf(replica) ?? []).map((fault) => `${replica.id.slice(0, 8)}  ${shorten(fault, 300)}`),
  );
  return [formatTable(rows), ...(faults.length > 0 ? ["", ...faults] : [])].join("\n");
}
