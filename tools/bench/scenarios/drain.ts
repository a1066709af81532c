import type { Backlog } from "../backlog.ts";
import type { Column, Goal, Lab, Plan, Scenario } from "../scenario.ts";
import { bareLoop } from "../systems/bare-loop.ts";
import { ceiling } from "../systems/ceiling.ts";
import { centralcloud } from "../systems/centralcloud.ts";
import { graphileWorker, graphileWorkerJobsOf100 } from "../systems/graphile-worker.ts";
import { oneMessageLoop } from "../systems/one-message-loop.ts";
import { pgBoss } from "../systems/pg-boss.ts";
import type { System } from "../systems/system.ts";

const systems: readonly System[] = [
  centralcloud,
  ceiling,
  bareLoop,
  oneMessageLoop,
  pgBoss,
  graphileWorkerJobsOf100,
  graphileWorker,
];

export const drainColumns: readonly Column[] = [
  { figure: "perSecond", heading: "messages/s" },
  { figure: "wallPerSecond", heading: "with start" },
  { figure: "messages", heading: "of" },
  { figure: "clientCpuUsPerMessage", heading: "CPU µs/msg", digits: 1 },
  { figure: "peakMb", heading: "peak MB" },
  { figure: "walBytesPerMessage", heading: "WAL B/msg" },
];

function versus(system: System, atLeast?: number): Goal {
  const name = system.name;
  return {
    what: `drain against ${name}`,
    contender: "centralcloud",
    figure: "perSecond",
    versus: name,
    ...(atLeast === undefined ? {} : { atLeast }),
  };
}

const goals: readonly Goal[] = [
  versus(ceiling, 1.3),
  versus(bareLoop, 1),
  versus(oneMessageLoop, 25),
  versus(pgBoss, 1.6),
  versus(graphileWorker, 10),
  // What a queue gives that keeps no message's own outcome; a comparison, and no goal.
  versus(graphileWorkerJobsOf100),
];

function compareSystems(
  lab: Lab,
  bytes: number,
  messages: Readonly<Record<System["takes"], number>>,
): Omit<Plan, "goals"> {
  const contenders = systems.map((system) => {
    const backlog: Backlog = { messages: messages[system.takes], bytes };
    return system.contend(lab, backlog);
  });
  return { contenders, columns: drainColumns, baseline: "centralcloud" };
}

export const drain: Scenario = {
  name: "drain",
  title: "Drain of a backlog, 0.4 kB messages, every system",
  plan: (lab) => ({
    ...compareSystems(lab, 420, {
      batches: lab.sizes.drain,
      "job-each": lab.sizes.jobPerMessage,
      each: lab.sizes.oneByOne,
    }),
    goals,
  }),
};

export const large: Scenario = {
  name: "large",
  title: "Drain of a backlog, 10 kB messages, every system",
  plan: (lab) => ({
    ...compareSystems(lab, 10_240, {
      batches: lab.sizes.large,
      "job-each": lab.sizes.largeJobPerMessage,
      each: lab.sizes.largeOneByOne,
    }),
    goals: [],
    quick: ["centralcloud"],
  }),
};
