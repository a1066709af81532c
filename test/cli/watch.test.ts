import { describe, expect, onTestFinished, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { withSilentServer } from "../support/silent-server.ts";
import { skipsTerminal, startOnTerminal, withoutColours } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const send = (count: number) =>
  queuesOf(system).sendBatch(
    queue,
    Array.from({ length: count }, () => patternMessage()),
  );

interface Watched {
  readonly queue: string;
  readonly total: number;
  readonly arrivedPerSecond: number | null;
  readonly leftPerSecond: number | null;
}

test("queues --watch --json writes a document a line, with what arrived and what left a second", async () => {
  onTestFinished(() =>
    queuesOf(system)
      .purge(queue)
      .then(() => {}),
  );
  const command = startCommand(["queues", "--watch", "1s", "--json"], environmentOf(system));
  onTestFinished(() => void command.child.kill("SIGKILL"));
  const rows = () =>
    command
      .output()
      .split("\n")
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as Watched[]).find((row) => row.queue === queue) as Watched);
  await until("the first look", () => rows().length > 0);
  expect(rows()[0]).toMatchObject({ total: 0, arrivedPerSecond: null, leftPerSecond: null });
  await send(50);
  await until("the messages are seen", () => rows().some(({ total }) => total === 50));
  const arrival = rows().find(({ total }) => total === 50) as Watched;
  expect(arrival.arrivedPerSecond).toBeGreaterThan(20);
  expect(arrival.leftPerSecond).toBe(0);
  await system.singularity.pool.query("select pgmq.archive($1, msg_id) from pgmq.read($1, 1, 50)", [
    queue,
  ]);
  const before = rows().length;
  await until("they are gone", () =>
    rows()
      .slice(before)
      .some(({ total }) => total === 0),
  );
  const departure = rows()
    .slice(before)
    .find(({ total }) => total === 0) as Watched;
  expect(departure.arrivedPerSecond).toBe(0);
  expect(departure.leftPerSecond).toBeGreaterThan(20);
  command.child.kill("SIGINT");
  const { exitCode, stderr } = await command.finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});

test("it ends quietly when whoever reads it has gone", async () => {
  const command = startCommand(["queues", "--watch", "1s"], environmentOf(system));
  onTestFinished(() => void command.child.kill("SIGKILL"));
  await until("the first look", () => command.output().includes(queue));
  command.child.stdout?.destroy();
  const { exitCode, stderr } = await command.finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});

test("a source that hangs is not waited for when it is to end", async () => {
  await withSilentServer(async (silent) => {
    const command = startCommand(["queues", "--watch"], {
      ...environmentOf(system),
      SOURCE_DATABASE_URLS: silent.url,
    });
    onTestFinished(() => void command.child.kill("SIGKILL"));
    await silent.accepted;
    command.child.kill("SIGINT");
    const { exitCode, stderr } = await command.finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });
});

describe.skipIf(skipsTerminal)("on a terminal", () => {
  test("the screen is drawn anew in place, names what does not answer, and Ctrl-C ends it silently", async () => {
    const environment = {
      ...environmentOf(system),
      SOURCE_DATABASE_URLS: `${system.singularity.url} postgres://127.0.0.1:1/nowhere`,
    };
    const command = startOnTerminal(["queues", "--watch", "1s"], environment, { columns: 140 });
    onTestFinished(command.kill);
    const home = "\u001b[H";
    await until("it is drawn three times", () => command.output().split(home).length > 4);
    command.type("\u0003");
    const { exitCode, output } = await command.finished;
    expect(exitCode).toBe(0);
    const [, ...screens] = output.split(home).map(withoutColours);
    for (const screen of screens.slice(1, 3)) {
      expect(screen).toMatch(/arrived\/s +left\/s/);
      expect(screen).toMatch(/unreachable:.* 127\.0\.0\.1:1\/nowhere/);
      expect(screen).toContain("Ctrl-C ends it");
    }
    expect(output).not.toMatch(/interrupted|centralcloud:/);
  });

  test("a screen that is too low says how many lines it does not show", async () => {
    const command = startOnTerminal(["queues", "--watch", "1s"], environmentOf(system), {
      columns: 140,
      rows: 5,
    });
    onTestFinished(command.kill);
    await until("it is drawn", () => command.output().includes("lines more"));
    command.type("\u0003");
    expect((await command.finished).output).toMatch(/… \d+ lines more: make the window higher/);
  });
});
