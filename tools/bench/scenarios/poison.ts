import type { Scenario } from "../scenario.ts";
import { contendDrain } from "../systems/centralcloud.ts";
import { drainColumns } from "./drain.ts";

/** One message in a hundred that never can be merged: seen by the contract, or by the database alone. */
export const poison: Scenario = {
  name: "poison",
  title: "Drain with 1 % of messages that end as dead letters, 0.4 kB messages",
  plan(lab) {
    const waiting = { messages: lab.sizes.poison, bytes: 420 };
    return {
      contenders: [
        contendDrain(lab, waiting, { name: "no poison" }),
        contendDrain(
          lab,
          { ...waiting, poison: "invalid" },
          { name: "1 % invalid", detail: "the contract refuses them: no agent_id" },
        ),
        contendDrain(
          lab,
          { ...waiting, poison: "refused" },
          { name: "1 % refused", detail: "a check constraint of the central store refuses them" },
        ),
      ],
      columns: drainColumns,
      baseline: "no poison",
      quick: ["1 % invalid", "1 % refused"],
      goals: [],
    };
  },
};
