import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { caughtUp, dropSlots, pluginHere, prepareForCapture } from "../support/capture.ts";
import { environmentOf, type RunningCommand, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import {
  clearSteps,
  countRecorded,
  createSteps,
  expectEveryStepOnce,
  writeSteps,
} from "../support/numbered-steps.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000 });

describe.each([pluginHere])("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const running: RunningCommand[] = [];

  const environment = () => ({
    ...environmentOf(system),
    CDC_TABLES: "steps",
    CDC_OUTPUT_PLUGIN: plugin,
  });

  function start(words: readonly string[], more: Record<string, string> = {}): RunningCommand {
    const command = startCommand(words, { ...environment(), ...more });
    running.push(command);
    return command;
  }

  async function stopAll(): Promise<void> {
    for (const { child, finished } of running.splice(0)) {
      child.kill("SIGTERM");
      await finished;
    }
  }

  beforeAll(async () => {
    await prepareForCapture(system);
    await createSteps(system.singularity.pool);
    const first = start(["cdc", "run"]);
    await until("the slot to be read", () => first.output().includes("capture-reading"));
    await stopAll();
  });
  beforeEach(() => clearSteps(system.singularity.pool));
  afterEach(stopAll);
  afterAll(() => dropSlots(system));

  test("a reader that is killed under load, again and again, loses and repeats nothing", async () => {
    const workload = writeSteps(system.singularity.pool, 2_500);
    try {
      for (let round = 0; round < 4; round += 1) {
        const before = await countRecorded(system);
        const reader = start(["cdc", "run"]);
        await until("changes to be recorded", async () => (await countRecorded(system)) > before);
        reader.child.kill("SIGKILL");
        expect((await reader.finished).exitCode).toBeNull();
      }
    } finally {
      await workload.stop();
    }
    start(["cdc", "run"]);
    await caughtUp(system);
    await expectEveryStepOnce(system);
  });

  test("of four replicas one reads; when it is killed, another does within ten seconds", async () => {
    const replicas = Array.from({ length: 4 }, () => start(["consume"], { CDC_ENABLED: "true" }));
    const readers = () => replicas.filter(({ output }) => output().includes('"capture-reading"'));
    const standing = () =>
      replicas.filter(({ output }) => output().includes('"capture-standing-by"'));
    await until("one to read and three to stand by", () => {
      return standing().length === 3 && readers().length >= 1;
    });
    expect(readers()).toHaveLength(1);
    await until("all to be consumers, too", () =>
      replicas.every(({ output }) => output().includes('"part":"source')),
    );

    for (let killed = 1; killed < 4; killed += 1) {
      const [reader] = readers().filter(({ child }) => child.exitCode === null && !child.killed);
      await system.singularity.pool.query(
        "insert into steps select coalesce(max(id), 0) + 1, 0 from steps",
      );
      reader?.child.kill("SIGKILL");
      const killedAt = performance.now();
      await until("another one to read", () => readers().length === killed + 1);
      expect(performance.now() - killedAt).toBeLessThan(10_000);
    }
    await caughtUp(system);
    expect(await expectEveryStepOnce(system)).toBe(3);
  });

  test("of a reader that freezes the slot is taken away; when it thaws, it stands by", async () => {
    const reader = start(["cdc", "run"]);
    await until("the slot to be read", () => reader.output().includes("capture-reading"));
    const other = start(["cdc", "run"]);
    await until("the other to stand by", () => other.output().includes("capture-standing-by"));
    const workload = writeSteps(system.singularity.pool, 20);
    try {
      reader.child.kill("SIGSTOP");
      await until("the other to read", () => other.output().includes("capture-reading"));
      const before = await countRecorded(system);
      reader.child.kill("SIGCONT");
      await until("it to stand by", () => reader.output().includes("capture-standing-by"));
      await until("changes to be recorded", async () => (await countRecorded(system)) > before);
    } finally {
      reader.child.kill("SIGCONT");
      await workload.stop();
    }
    await caughtUp(system);
    await expectEveryStepOnce(system);
  });
});
