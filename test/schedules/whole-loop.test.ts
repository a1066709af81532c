import { createScheduler } from "@centralcloud/scheduler";
import { test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey } from "../support/session-keys.ts";
import { expectTheWholeLoop, loopJobs } from "../support/whole-loop.ts";

const system = useSystem();
failOnLeaks(system);

test("what an application writes reaches the central store by SQL and the scheduler alone", async () => {
  const key = await addNewKey(system.singularity, "loop-key", { activate: true });
  const scheduler = createScheduler(
    {
      sourceUrls: [system.singularity.url],
      schedules: Object.fromEntries(loopJobs.map((job) => [job, "* * * * * *"])),
    },
    () => {},
  );
  await scheduler.start();
  try {
    await expectTheWholeLoop(system, key);
  } finally {
    await scheduler.stop();
  }
});
