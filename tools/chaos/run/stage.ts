import type { Arena } from "../faults/arena.ts";
import { createLoad, type Load } from "../load/load.ts";
import { type Replicas, startReplicas } from "../replicas/start-replicas.ts";
import { type Databases, prepareDatabases } from "../servers/prepare-databases.ts";
import type { ChaosPlan } from "./plan.ts";

/** A whole system, set up for one run. */
export interface Stage extends Arena {
  readonly plan: ChaosPlan;
  readonly load: Load;
  /** What did not behave as it must, in words; see also the replicas' unexpected ends. */
  readonly findings: string[];
}

/**
 * Sets everything up, does `work` with it, and leaves nothing behind.
 *
 * @param given aborted to give the run up; it then rejects when all is cleaned up.
 */
export async function onStage<Result>(
  plan: ChaosPlan,
  narrate: (line: string) => void,
  given: AbortSignal | undefined,
  work: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const load = await createLoad(plan);
  let databases: Databases | undefined;
  let replicas: Replicas | undefined;
  const findings: string[] = [];
  const over = new AbortController();
  const signal = given === undefined ? over.signal : AbortSignal.any([given, over.signal]);
  const settings = { ...plan, sessionKey: load.seals.key };
  try {
    databases = await prepareDatabases(plan);
    replicas = await startReplicas(databases, settings);
    return await work({
      plan,
      load,
      databases,
      settings,
      replicas: replicas.all,
      signal,
      narrate,
      findings,
      complain: (finding) => void findings.push(finding),
    });
  } finally {
    // What continues when something else has failed must not continue without a stage.
    over.abort();
    await replicas?.remove();
    await databases?.remove();
  }
}
