import type { Scenario } from "./scenario.ts";
import { archive } from "./scenarios/archive.ts";
import { backlog } from "./scenarios/backlog.ts";
import { deadLetters } from "./scenarios/dead-letters.ts";
import { drain, large } from "./scenarios/drain.ts";
import { hostileSource } from "./scenarios/hostile.ts";
import { idle } from "./scenarios/idle.ts";
import { latency } from "./scenarios/latency.ts";
import { learning } from "./scenarios/learning.ts";
import { poison } from "./scenarios/poison.ts";
import { procedures } from "./scenarios/procedures.ts";
import { queues } from "./scenarios/queues.ts";
import { ready } from "./scenarios/ready.ts";
import { replay } from "./scenarios/replay.ts";
import { replicas } from "./scenarios/replicas.ts";
import { sessionUpdates } from "./scenarios/session-updates.ts";
import { sessions } from "./scenarios/sessions.ts";
import { snapshot } from "./scenarios/snapshot.ts";

/** In the order in which they run and are shown. */
export const scenarios: readonly Scenario[] = [
  drain,
  large,
  sessions,
  queues,
  backlog,
  archive,
  snapshot,
  poison,
  replicas,
  hostileSource,
  latency,
  idle,
  ready,
  procedures,
  sessionUpdates,
  replay,
  deadLetters,
  learning,
];
