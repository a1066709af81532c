import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { addressSpaceLimit, threadsThatFit } from "../src/index.ts";

const service = new URL("../dist/index.js", import.meta.url).href;

/** Runs a part as a program does, in a process of its own; `body` has `start`, `stop` and `observe`. */
function startProgram(body: string) {
  const source = `
    import { createServer, connect } from "node:net";
    import { definePart, endWithin, runUntilSignal } from ${JSON.stringify(service)};
    const tell = (observation) => console.log(JSON.stringify(observation));
    const run = (definition, graceS = 0.2, cutConnections = () => {}) =>
      runUntilSignal(definePart({ name: "probe", ...definition }), { graceS, observe: tell, cutConnections });
    const ready = () => console.log("ready");
    ${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const ended = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const isReady = new Promise<void>((resolve) => {
    child.stdout.on("data", () => {
      if (output.includes("ready")) resolve();
    });
  });
  return { child, ended, isReady, output: () => output };
}

/** Sends the signal once the program is ready, and says how it ended, and after how many milliseconds. */
async function stopProgram(body: string, signal: NodeJS.Signals = "SIGTERM") {
  const program = startProgram(body);
  await program.isReady;
  const startedAt = performance.now();
  program.child.kill(signal);
  const { code } = await program.ended;
  return { code, ms: performance.now() - startedAt, output: program.output() };
}

const wellBehaved = `
  const timer = setInterval(() => {}, 1000);
  await run({ start: async () => ready(), stop: async () => clearInterval(timer) });`;

describe("a program", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const)(
    "stops in order on %s and exits 0",
    async (signal) => {
      const { code, output } = await stopProgram(wellBehaved, signal);
      expect(output).toContain(`{"event":"stop-requested","signal":"${signal}"}`);
      expect(output).not.toContain("stop-overdue");
      expect(code).toBe(0);
    },
  );

  test("that has stopped, and left a connection open, is ended nevertheless, and says to where", async () => {
    const { code, ms, output } = await stopProgram(`
      const server = createServer(() => {}).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address();
      server.unref();
      const socket = connect(port, "127.0.0.1");
      await new Promise((resolve) => socket.once("connect", resolve));
      console.log("port " + port);
      await run({ start: async () => ready(), stop: async () => {} });`);
    const port = /port (\d+)/.exec(output)?.[1];
    expect(output).toMatch(/"event":"stop-overdue"/);
    expect(output).toContain(`a connection to 127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(2_200 + slackMs);
  });

  test.each([
    ["whose part never ends its stop", "stop: () => new Promise(() => {})"],
    ["whose part ends neither start nor stop", "stop: () => new Promise(() => {}), hangs: true"],
  ])("%s is ended within its grace period and two seconds", async (_, definition) => {
    const { code, ms, output } = await stopProgram(`
      const timer = setInterval(() => {}, 1000);
      const { hangs, ...given } = { ${definition} };
      await run({ start: async () => { ready(); if (hangs) await new Promise(() => {}); }, ...given });`);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(2_200 + slackMs);
    expect(output).toMatch(/stop-overdue|had not stopped/);
  });

  test("that waits for a connection which says nothing ends in order once connections are cut", async () => {
    const { code, output } = await stopProgram(`
      let cut = () => {};
      const hanging = new Promise((resolve) => { cut = resolve; });
      const timer = setInterval(() => {}, 1000);
      await run({ start: async () => ready(), stop: async () => { await hanging; clearInterval(timer); } }, 0.1, cut);`);
    expect(output).not.toContain("stop-overdue");
    expect(code).toBe(0);
  });

  test("is ended at once by a second signal", async () => {
    const program = startProgram(`
      const timer = setInterval(() => {}, 1000);
      await run({ start: async () => ready(), stop: () => new Promise(() => {}) }, 60);`);
    await program.isReady;
    const again = setInterval(() => program.child.kill("SIGINT"), 300);
    const { code } = await program.ended.finally(() => clearInterval(again));
    expect(code).toBe(1);
  });

  test("whose output has gone, as a terminal's that closes, still stops in order", async () => {
    const program = startProgram(`
      import { writeFileSync } from "node:fs";
      const timer = setInterval(() => {}, 1000);
      await run({
        start: async () => ready(),
        stop: async () => {
          for (let i = 0; i < 50; i++) { console.log("lost"); await new Promise((go) => setTimeout(go, 2)); }
          clearInterval(timer);
        },
      });
      process.exitCode = 7;`);
    await program.isReady;
    program.child.stdout.destroy();
    program.child.stderr.destroy();
    program.child.kill("SIGHUP");
    expect((await program.ended).code).toBe(7);
  });
});

/** For a machine that does other things as well. */
const slackMs = 1_500;

test("a program that is done and leaves a timer running ends nevertheless, and names it", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `import { endWithin } from ${JSON.stringify(service)}; setInterval(() => {}, 1000); endWithin(50);`,
    ],
    { encoding: "utf8", timeout: 20_000 },
  );
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: "centralcloud: ended by force; still open: a timer\n",
  });
});

describe("a limited address space", () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax address space         ${soft}            unlimited            bytes     \n`;

  test("is read from what Linux tells, and none is no limit", () => {
    expect(addressSpaceLimit(limits("2147483648"))).toBe(2_147_483_648);
    expect(addressSpaceLimit(limits("unlimited"))).toBeUndefined();
    expect(addressSpaceLimit("")).toBeUndefined();
  });

  test("allows as many threads as fit, and says what is needed where none does", () => {
    expect(threadsThatFit(4, undefined)).toBe(4);
    expect(threadsThatFit(4, 2 * 1024 ** 3)).toBe(2);
    expect(() => threadsThatFit(4, 1_500 * 1024 ** 2)).toThrow(
      /limited to 1500 MB \(ulimit -v\), and it needs 1656 MB/,
    );
  });
});
