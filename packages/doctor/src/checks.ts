import { sides } from "@centralcloud/postgres";
import type { Check, ComparingCheck, DatabaseFact } from "./check.ts";
import { checkAgentTasks } from "./checks/agent-tasks.ts";
import { checkBloat, checkStatistics } from "./checks/bloat.ts";
import { checkCapture } from "./checks/capture.ts";
import { checkSlots, compareSlots, gatherSlots } from "./checks/capture-slot.ts";
import { compareChangeLog, gatherChangeLog } from "./checks/change-log.ts";
import { checkClock, compareClocks } from "./checks/clock.ts";
import { compareConnections, gatherConnections } from "./checks/connections.ts";
import { checkConsumers } from "./checks/consumers.ts";
import { checkCronRuns } from "./checks/cron-runs.ts";
import { checkDrift } from "./checks/drift.ts";
import { checkDurability } from "./checks/durability.ts";
import { checkEncoding } from "./checks/encoding.ts";
import { checkEncryption } from "./checks/encryption.ts";
import { compareHeldKeys, gatherKeys } from "./checks/held-keys.ts";
import { checkJobs } from "./checks/jobs.ts";
import { checkLocks } from "./checks/locks.ts";
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
import { compareIdentities, gatherIdentities } from "./checks/source-identities.ts";
import { checkStoreLosses } from "./checks/store-losses.ts";
import { checkUnsynced } from "./checks/unsynced.ts";
import { checkVacuum } from "./checks/vacuum.ts";

const slotReason =
  "the server keeps all log that a slot has not read: the disk fills, or changes are lost";

/**
 * Everything that `centralcloud doctor` looks at, in the order in which it is shown. A new check is a
 * function in `checks/`, an entry here and a line in the table of docs/operate/doctor.md.
 */
export const checks: readonly Check[] = [
  {
    name: "server",
    why: "other versions of PostgreSQL were not tested with this build",
    sides,
    needsMigration: false,
    run: checkServerVersion,
  },
  {
    name: "encoding",
    why: "a database that can't hold every character refuses messages that are right",
    sides,
    needsMigration: false,
    run: checkEncoding,
  },
  {
    name: "encryption",
    why: "messages, and what a login may do, go over this connection",
    sides,
    needsMigration: false,
    run: checkEncryption,
  },
  {
    name: "clock",
    why: "ages, leases and schedules go by the databases' clocks, logs and alerts by the machines'",
    sides,
    needsMigration: false,
    run: checkClock,
  },
  {
    name: "durability",
    why: "a message leaves its queue because its effect is committed, and that has to last",
    sides,
    needsMigration: false,
    run: checkDurability,
  },
  {
    name: "migrations",
    why: "programs and databases of different versions misunderstand each other",
    sides,
    needsMigration: false,
    run: checkMigrations,
  },
  {
    name: "pgmq",
    why: "queues are tables of pgmq, and versions differ in their columns",
    sides: ["source"],
    needsMigration: false,
    run: checkPgmq,
  },
  {
    name: "vacuum",
    why: "queues turn over many times a day, and each dead row slows the next read",
    sides,
    needsMigration: false,
    run: checkVacuum,
  },
  {
    name: "bloat",
    why: "every read steps over dead rows, so queues get slower, and the disk fuller",
    sides,
    needsMigration: true,
    run: checkBloat,
  },
  {
    name: "statistics",
    why: "without them PostgreSQL guesses, and a plan for ten rows is used for a million",
    sides,
    needsMigration: true,
    run: checkStatistics,
  },
  {
    name: "snapshots",
    why: "vacuum removes nothing that an open transaction might still see, in any table of the database",
    sides,
    needsMigration: false,
    run: checkSnapshots,
  },
  {
    name: "locks",
    why: "who waits for a lock does nothing meanwhile, and a job, a migration or a merge gives up in the end",
    sides,
    needsMigration: false,
    run: checkLocks,
  },
  {
    name: "capture",
    why: "without it no change can be captured, or with another plugin",
    sides: ["source"],
    needsMigration: false,
    run: checkCapture,
  },
  {
    name: "capture-slot",
    why: slotReason,
    sides: ["source"],
    needsMigration: false,
    run: checkSlots,
  },
  {
    name: "roles",
    why: "each program should be able to do its own work and no more",
    sides,
    needsMigration: false,
    run: checkRoles,
  },
  {
    name: "ownership",
    why: "functions run with their owner's rights, and the next migration must be able to replace them",
    sides,
    needsMigration: true,
    run: checkOwnership,
  },
  {
    name: "rights",
    why: "a consumer that lacks one waits until it is there",
    sides,
    needsMigration: true,
    run: checkRights,
  },
  {
    name: "queues",
    why: "what waits in a queue, or died, is not in the central store",
    sides: ["source"],
    needsMigration: true,
    run: checkQueues,
  },
  {
    name: "queue-rights",
    why: "without them nothing is queued, or nothing consumed",
    sides: ["source"],
    needsMigration: true,
    run: checkQueueRights,
  },
  {
    name: "drift",
    why: "what somebody removed or changed since works no more, or gives a role more than it should have",
    sides,
    needsMigration: false,
    run: checkDrift,
  },
  {
    name: "sealing",
    why: "sessions leave the database sealed or not at all",
    sides: ["source"],
    needsMigration: false,
    run: checkSealing,
  },
  {
    name: "session-keys",
    why: "sessions leave the database sealed or not at all",
    sides: ["source"],
    needsMigration: true,
    run: checkSessionKeys,
  },
  {
    name: "unsynced",
    why: "what could not be queued is not in the central store",
    sides: ["source"],
    needsMigration: true,
    run: checkUnsynced,
  },
  {
    name: "scheduling",
    why: "without its jobs a database learns, syncs and tidies up nothing",
    sides: ["source"],
    needsMigration: true,
    connects: true,
    run: checkScheduleRunner,
  },
  {
    name: "jobs",
    why: "without its jobs a database learns, syncs and tidies up nothing",
    sides: ["source"],
    needsMigration: true,
    run: checkJobs,
  },
  {
    name: "cron-runs",
    why: "a job that pg_cron can't start runs five minutes late, or never",
    sides: ["source"],
    needsMigration: true,
    connects: true,
    run: checkCronRuns,
  },
  {
    name: "consumers",
    why: "a replica that dies leaves its messages to the others only when their leases end",
    sides: ["central"],
    needsMigration: true,
    run: checkConsumers,
  },
  {
    name: "store-losses",
    why: "a central store that lost transactions lacks what they had merged, and nobody sends it again by itself",
    sides: ["central"],
    needsMigration: true,
    run: checkStoreLosses,
  },
  {
    name: "agent-tasks",
    why: "a plain table works the same, but grows in one piece",
    sides: ["source"],
    needsMigration: true,
    run: checkAgentTasks,
  },
];

/** What no database shows alone. */
export const comparingChecks: readonly ComparingCheck[] = [
  comparing({
    name: "capture-slot",
    why: slotReason,
    sides,
    gather: gatherSlots,
    compare: compareSlots,
  }),
  comparing({
    name: "change-log",
    why: "what is not captured is missing from the audit",
    sides,
    gather: gatherChangeLog,
    compare: compareChangeLog,
  }),
  comparing({
    name: "identity",
    why: "two sources with one identity would be one in the central store, so only one of them is consumed",
    sides,
    gather: gatherIdentities,
    compare: compareIdentities,
  }),
  comparing({
    name: "held-keys",
    why: "a consumer dead-letters each session that is sealed for a key which it does not hold",
    sides,
    gather: gatherKeys,
    compare: compareHeldKeys,
  }),
  comparing({
    name: "connections",
    why: "a replica that gets no connection waits, and so do its messages",
    sides,
    gather: gatherConnections,
    compare: compareConnections,
  }),
  comparing({
    name: "clock",
    why: "times of several databases stand beside each other in the central store",
    sides,
    gather: ({ clock }) => clock(),
    compare: compareClocks,
  }),
];

/** The facts of a check are its own business. */
function comparing<Fact>({ gather, compare, ...rest }: ComparingCheck<Fact>): ComparingCheck {
  return { ...rest, gather, compare: (facts) => compare(facts as readonly DatabaseFact<Fact>[]) };
}

/** The stable names of all checks, those of a database that does not answer included. */
export const checkNames: readonly string[] = [
  ...new Set(["reachable", ...[...checks, ...comparingChecks].map(({ name }) => name)]),
];
