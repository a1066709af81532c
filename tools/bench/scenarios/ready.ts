import { startConsumer } from "../consumer.ts";
import type { Scenario } from "../scenario.ts";

export const ready: Scenario = {
  name: "ready",
  title: "Start to ready, on migrated databases",
  plan: ({ stage }) => ({
    contenders: [
      {
        name: "consume",
        isOurs: true,
        detail: "from the start of the process until /readyz answers 200",
        async run() {
          const source = await stage.clone(await stage.base("source"));
          const central = await stage.clone(await stage.base("central"));
          try {
            const consumer = await startConsumer(source, central);
            await consumer.stop();
            return { readyMs: consumer.readyMs };
          } finally {
            await stage.drop(source, central);
          }
        },
      },
    ],
    columns: [{ figure: "readyMs", heading: "ms" }],
    goals: [
      { what: "start to ready (ms)", contender: "consume", figure: "readyMs", atMost: 1_500 },
    ],
  }),
};
