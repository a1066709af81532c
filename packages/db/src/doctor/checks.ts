import { planes } from "../migrate/plane.ts";
import type { Check, ComparingCheck } from "./check.ts";
import { checkAgentTasks } from "./checks/agent-tasks.ts";
import { checkCapture } from "./checks/capture.ts";
import { checkCaptureSlot } from "./checks/capture-slot.ts";
import { checkChangeLog } from "./checks/change-log.ts";
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
import { checkSourceIdentities } from "./checks/source-identities.ts";
import { checkUnsynced } from "./checks/unsynced.ts";
import { checkVacuum } from "./checks/vacuum.ts";

/**
 * Everything that `centralcloud doctor` looks at, in the order in which it is shown. A new check is a
 * function in `checks/` and a line here.
 */
export const checks: readonly Check[] = [
  { name: "server", planes, needsMigration: false, run: checkServerVersion },
  { name: "migrations", planes, needsMigration: false, run: checkMigrations },
  { name: "pgmq", planes: ["singularity"], needsMigration: false, run: checkPgmq },
  { name: "vacuum", planes, needsMigration: false, run: checkVacuum },
  { name: "capture", planes: ["singularity"], needsMigration: false, run: checkCapture },
  {
    name: "capture-slot",
    planes: ["singularity"],
    needsMigration: false,
    run: checkCaptureSlot,
  },
  { name: "roles", planes, needsMigration: false, run: checkRoles },
  { name: "ownership", planes, needsMigration: true, run: checkOwnership },
  { name: "rights", planes, needsMigration: true, run: checkRights },
  { name: "queues", planes: ["singularity"], needsMigration: true, run: checkQueues },
  { name: "queue-rights", planes: ["singularity"], needsMigration: true, run: checkQueueRights },
  { name: "sealing", planes: ["singularity"], needsMigration: false, run: checkSealing },
  { name: "session-keys", planes: ["singularity"], needsMigration: true, run: checkSessionKeys },
  { name: "unsynced", planes: ["singularity"], needsMigration: true, run: checkUnsynced },
  { name: "scheduling", planes: ["singularity"], needsMigration: true, run: checkScheduleRunner },
  { name: "jobs", planes: ["singularity"], needsMigration: true, run: checkJobs },
  { name: "change-log", planes: ["central"], needsMigration: true, run: checkChangeLog },
  { name: "agent-tasks", planes: ["singularity"], needsMigration: true, run: checkAgentTasks },
];

/** What no database shows alone. */
export const comparingChecks: readonly ComparingCheck[] = [
  { name: "identity", planes: ["singularity"], run: checkSourceIdentities },
];
