import { formatSeconds, ProgressMeter } from "@centralcloud/cli";
import { describe, expect, onTestFinished, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { why } from "../support/dead-letter-commands.ts";
import { emptyQueues, putDeadLetters } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { withSilentServer } from "../support/silent-server.ts";
import { skipsTerminal, startOnTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const actions = (...words: string[]) => runCommand(["actions", ...words], environmentOf(system));

describe("a meter", () => {
  const meterAt = (samples: readonly (readonly [at: number, done: number])[], total?: number) => {
    const meter = new ProgressMeter("dlq replay", 0);
    for (const [at, done] of samples) meter.report({ done, total, unit: "dead letters" }, at);
    return meter;
  };

  test("tells how much is done, how fast, and how long it will take", () => {
    const meter = meterAt(
      [
        [0, 0],
        [5_000, 2_500],
      ],
      12_500,
    );
    expect(meter.describe(5_000)).toBe(
      "dlq replay: 2,500 of 12,500 dead letters, 20%, 500/s, 20 s left, 5 s so far",
    );
  });

  test("counts the rate of the last seconds, so that a pause before does not make the rest look long", () => {
    const meter = meterAt(
      [
        [0, 0],
        [600_000, 0],
        [601_000, 1_000],
        [610_000, 10_000],
      ],
      20_000,
    );
    expect(meter.describe(610_000)).toMatch(/1,000\/s, 10 s left/);
  });

  test("tells no rest where the whole is not known, or has been outgrown", () => {
    expect(
      meterAt([
        [0, 0],
        [1_000, 30],
      ]).describe(1_000),
    ).toBe("dlq replay: 30 dead letters, 30/s, 1 s so far");
    expect(
      meterAt(
        [
          [0, 0],
          [1_000, 30],
        ],
        20,
      ).describe(1_000),
    ).not.toMatch(/left|%/);
  });

  test("tells the time alone before anything is counted", () => {
    expect(new ProgressMeter("doctor", 0).describe(61_000)).toBe("doctor: 1 min 1 s");
  });

  test("writes durations so that people read them", () => {
    expect([3, 59.2, 200, 7_500].map(formatSeconds)).toEqual([
      "3 s",
      "1 min 0 s",
      "3 min 20 s",
      "2 h 5 min",
    ]);
  });
});

describe.skipIf(skipsTerminal)("on a terminal", () => {
  test("a replay shows how far it is; Ctrl-C pauses it and says how to continue, and that works", async () => {
    await emptyQueues(system);
    await putDeadLetters(system.singularity, 200);
    const command = startOnTerminal(
      ["dlq", "discard", "--all", "--rate", "20", ...why],
      environmentOf(system),
      { columns: 200 },
    );
    onTestFinished(command.kill);
    await until("progress is shown", () =>
      /dlq discard: [\d,]+ of 200 dead letters, \d+%, [\d.]+\/s, .* left, \d+ s so far/.test(
        command.output(),
      ),
    );
    expect(command.output()).toMatch(/Ctrl-C pauses action \d+; centralcloud actions resume \d+/);
    command.type("\u0003");
    const { exitCode, output } = await command.finished;
    expect(exitCode).toBe(1);
    expect(output).toContain("stopping in order");
    const [, id = ""] = /`centralcloud actions resume (\d+)` continues it/.exec(output) ?? [];
    // What was shown is wiped away before the last words.
    expect(output.slice(output.lastIndexOf("\r\u001b[K"))).not.toContain("so far");
    await actions("rate", id, "none");
    expect((await actions("resume", id)).exitCode).toBe(0);
    const { stdout } = await actions("show", id, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "done", moved: 200 });
  });

  test("a command that looks shows which sources it waits for, and Ctrl-C says that nothing was changed", async () => {
    await withSilentServer(async (silent) => {
      const command = startOnTerminal(["queues"], {
        ...environmentOf(system),
        SOURCE_DATABASE_URLS: `${system.singularity.url} ${silent.url}`,
      });
      onTestFinished(command.kill);
      const shown =
        /queues: 1 of 2 sources, 50%, \d s so far \(waiting for 127\.0\.0\.1:\d+\/silent\)/;
      await until("it says how far it is", () => shown.test(command.output()));
      command.type("\u0003");
      const { exitCode, output } = await command.finished;
      expect(exitCode).toBe(130);
      expect(output).toContain("interrupted; nothing was changed; give the command again");
    });
  });

  test("a command that is over at once shows nothing", async () => {
    const { output } = await startOnTerminal(["queues"], environmentOf(system)).finished;
    expect(output).toContain("centralcloud-new-patterns");
    expect(output).not.toContain("so far");
  });
});

test("where nobody looks, no progress is written, and Ctrl-C says the same", async () => {
  await withSilentServer(async (silent) => {
    const command = startCommand(["doctor"], {
      ...environmentOf(system),
      SOURCE_DATABASE_URLS: silent.url,
    });
    await silent.accepted;
    command.child.kill("SIGINT");
    const { exitCode, stdout, stderr } = await command.finished;
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 130,
      stdout: "",
      stderr:
        "centralcloud: interrupted; with --fix, repairs that were done stay done; give the command again\n",
    });
  });
});
