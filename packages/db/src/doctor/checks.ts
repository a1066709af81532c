import { planes } from "../migrate/plane.ts";
import type { Check, ComparingCheck } from "./check.ts";
import { checkAgentTasks } from "./checks/agent-tasks.ts";
import { checkBloat, checkStatistics } from "./checks/bloat.ts";
import { checkCapture } from "./checks/capture.ts";
import { checkCaptureSlot } from "./checks/capture-slot.ts";
import { checkChangeLog } from "./checks/change-log.ts";
import { checkClock, checkClocks } from "./checks/clock.ts";
import { checkConnections } from "./checks/connections.ts";
import { checkConsumers } from "./checks/consumers.ts";
import { checkCronRuns } from "./checks/cron-runs.ts";
import { checkDurability } from "./checks/durability.ts";
import { checkEncryption } from "./checks/encryption.ts";
import { checkJobs } from "./checks/jobs.ts";
import { checkMigrations } from "./checks/migrations.ts";
import { checkOwnership } from "./checks/ownership.ts";
import { checkPgmq } from "./checks/pgmq.ts";
import { checkQueueRights } from "./checks/queue-rights.ts";
import { checkQueues } from "./checks/queues.ts";
import { checkRights } from "./checks/rights.ts";
import { checkRoles } from "./checks/roles.ts";
import { checkScheduleRunner } from "./checks/schedule-runner.ts";
import { checkSealing } from "./checks/sealing.ts";
import { checkServerVersion } from "./checks/server-version.ts";
import { checkSessionKeys } from "./checks/session-keys.ts";
import { checkSnapshots } from "./checks/snapshots.ts";
import { checkSourceIdentities } from "./checks/source-identities.ts";
import { checkUnsynced } from "./checks/unsynced.ts";
import { checkVacuum } from "./checks/vacuum.ts";

/**
 * Everything that `centralcloud doctor` looks at, in the order in which it is shown. A new check is a
 * function in `checks/`, an entry here and a line in the table of docs/operations.md.
 */
export const checks: readonly Check[] = [
  {
    name: "server",
    why: "other versions of PostgreSQL were not tested with this build",
    planes,
    needsMigration: false,
    run: checkServerVersion,
  },
  {
    name: "encryption",
    why: "messages, and what a login may do, go over this connection",
    planes,
    needsMigration: false,
    run: checkEncryption,
  },
  {
    name: "clock",
    why: "ages, leases and schedules go by the databases' clocks, logs and alerts by the machines'",
    planes,
    needsMigration: false,
    run: checkClock,
  },
  {
    name: "durability",
    why: "a message leaves its queue because its effect is committed, and that has to last",
    planes,
    needsMigration: false,
    run: checkDurability,
  },
  {
    name: "migrations",
    why: "programs and databases of different versions misunderstand each other",
    planes,
    needsMigration: false,
    run: checkMigrations,
  },
  {
    name: "pgmq",
    why: "queues are tables of pgmq, and versions differ in their columns",
    planes: ["singularity"],
    needsMigration: false,
    run: checkPgmq,
  },
  {
    name: "vacuum",
    why: "queues turn over many times a day, and each dead row slows the next read",
    planes,
    needsMigration: false,
    run: checkVacuum,
  },
  {
    name: "bloat",
    why: "every read steps over dead rows, so queues get slower, and the disk fuller",
    planes,
    needsMigration: true,
    run: checkBloat,
  },
  {
    name: "statistics",
    why: "without them PostgreSQL guesses, and a plan for ten rows is used for a million",
    planes,
    needsMigration: true,
    run: checkStatistics,
  },
  {
    name: "snapshots",
    why: "vacuum removes nothing that an open transaction might still see, in any table of the database",
    planes,
    needsMigration: false,
    run: checkSnapshots,
  },
  {
    name: "capture",
    why: "without it no change can be captured, or with another plugin",
    planes: ["singularity"],
    needsMigration: false,
    run: checkCapture,
  },
  {
    name: "capture-slot",
    why: "the server keeps all log that a slot has not read: the disk fills, or changes are lost",
    planes: ["singularity"],
    needsMigration: false,
    run: checkCaptureSlot,
  },
  {
    name: "roles",
    why: "each program should be able to do its own work and no more",
    planes,
    needsMigration: false,
    run: checkRoles,
  },
  {
    name: "ownership",
    why: "functions run with their owner's rights, and the next migration must be able to replace them",
    planes,
    needsMigration: true,
    run: checkOwnership,
  },
  {
    name: "rights",
    why: "a consumer that lacks one waits until it is there",
    planes,
    needsMigration: true,
    run: checkRights,
  },
  {
    name: "queues",
    why: "what waits in a queue, or died, is not in the central store",
    planes: ["singularity"],
    needsMigration: true,
    run: checkQueues,
  },
  {
    name: "queue-rights",
    why: "without them nothing is queued, or nothing consumed",
    planes: ["singularity"],
    needsMigration: true,
    run: checkQueueRights,
  },
  {
    name: "sealing",
    why: "sessions leave the database sealed or not at all",
    planes: ["singularity"],
    needsMigration: false,
    run: checkSealing,
  },
  {
    name: "session-keys",
    why: "sessions leave the database sealed or not at all",
    planes: ["singularity"],
    needsMigration: true,
    run: checkSessionKeys,
  },
  {
    name: "unsynced",
    why: "what could not be queued is not in the central store",
    planes: ["singularity"],
    needsMigration: true,
    run: checkUnsynced,
  },
  {
    name: "scheduling",
    why: "without its jobs a database learns, syncs and tidies up nothing",
    planes: ["singularity"],
    needsMigration: true,
    run: checkScheduleRunner,
  },
  {
    name: "jobs",
    why: "without its jobs a database learns, syncs and tidies up nothing",
    planes: ["singularity"],
    needsMigration: true,
    run: checkJobs,
  },
  {
    name: "cron-runs",
    why: "a job that pg_cron can't start runs five minutes late, or never",
    planes: ["singularity"],
    needsMigration: true,
    run: checkCronRuns,
  },
  {
    name: "change-log",
    why: "what is not captured is missing from the audit",
    planes: ["central"],
    needsMigration: true,
    run: checkChangeLog,
  },
  {
    name: "consumers",
    why: "a replica that dies leaves its messages to the others only when their leases end",
    planes: ["central"],
    needsMigration: true,
    run: checkConsumers,
  },
  {
    name: "agent-tasks",
    why: "a plain table works the same, but grows in one piece",
    planes: ["singularity"],
    needsMigration: true,
    run: checkAgentTasks,
  },
];

/** What no database shows alone. */
export const comparingChecks: readonly ComparingCheck[] = [
  {
    name: "identity",
    why: "two sources with one identity are one in the central store",
    planes: ["singularity"],
    run: checkSourceIdentities,
  },
  {
    name: "connections",
    why: "a replica that gets no connection waits, and so do its messages",
    planes,
    run: checkConnections,
  },
  {
    name: "clock",
    why: "times of several databases stand beside each other in the central store",
    planes,
    run: checkClocks,
  },
];

/** The stable names of all checks, those of a database that does not answer included. */
export const checkNames: readonly string[] = [
  ...new Set(["reachable", ...[...checks, ...comparingChecks].map(({ name }) => name)]),
];
