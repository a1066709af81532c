import { pause } from "@centralcloud/service";
import { type Fault, lengthOf } from "./arena.ts";

/** SIGKILL, and a new process after a moment. */
const killReplica: Fault = async (arena, fault) => {
  const replica = fault.random().pick(arena.replicas);
  await replica.turns.take(async () => {
    await replica.kill();
    await pause(lengthOf(fault, 0, 1_000), arena.signal);
    replica.start();
  });
};

/** SIGSTOP for longer than the lease of what it has read, then SIGCONT. */
const suspendReplica: Fault = async (arena, fault) => {
  const replica = fault.random().pick(arena.replicas);
  const leaseMs = arena.settings.visibilityTimeoutS * 1000;
  await replica.turns.take(() =>
    replica.suspend(lengthOf(fault, leaseMs * 1.2, leaseMs * 2), arena.signal),
  );
};

/** SIGTERM: it must end with code 0 within its grace period, whatever else is broken. */
const stopReplica: Fault = async (arena, fault) => {
  const replica = fault.random().pick(arena.replicas);
  await replica.turns.take(async () => {
    const stopped = await replica.stop(stopTimeoutMs(arena.settings.shutdownGraceS));
    if (stopped === "late" || stopped.startsWith("with code")) {
      arena.complain(`${replica.name} was asked to stop and ended ${stopped}`);
    }
    replica.start();
  });
};

/** The grace period, and what stop may take beyond it on a busy machine. */
export function stopTimeoutMs(graceS: number): number {
  return graceS * 1000 + 10_000;
}

export const replicaFaults = {
  "replica killed": killReplica,
  "replica suspended": suspendReplica,
  "replica stopped": stopReplica,
} as const;
