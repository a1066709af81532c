import type { Scenario } from "../scenario.ts";
import { contendDrain } from "../systems/centralcloud.ts";
import { drainColumns } from "./drain.ts";

const nameOf = (messages: number) => `backlog of ${messages}`;

/** How the rate, and the memory of the process, depend on how much waits. */
export const backlog: Scenario = {
  name: "backlog",
  title: "Drain of backlogs of several sizes, and its memory, 0.4 kB messages",
  plan(lab) {
    const { backlogs } = lab.sizes;
    const smallest = nameOf(Math.min(...backlogs));
    const largest = nameOf(Math.max(...backlogs));
    return {
      contenders: backlogs.map((messages) =>
        contendDrain(lab, { messages, bytes: 420 }, { name: nameOf(messages) }),
      ),
      columns: [
        { figure: "steadyPerSecond", heading: "steady msgs/s" },
        ...drainColumns,
        { figure: "memoryGrowth", heading: "growth", digits: 2 },
      ],
      baseline: smallest,
      quick: [largest],
      goals: [
        {
          what: "the largest backlog against the smallest",
          contender: largest,
          figure: "steadyPerSecond",
          versus: smallest,
          atLeast: 0.9,
        },
        { what: "peak memory (MB)", contender: largest, figure: "peakMb", atMost: 150 },
        { what: "growth of memory", contender: largest, figure: "memoryGrowth", atMost: 1.1 },
      ],
    };
  },
};
