import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/* What `npm start` runs once everything is built, on databases that are there. */

const system = useSystem();
failOnLeaks(system);
const program = fileURLToPath(new URL("../../apps/local/dist/main.js", import.meta.url));
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

function start(environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, "--no-demo"], {
    env: { PATH: process.env.PATH ?? "", ...environmentOf(system), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const told = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told.err += text;
  });
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  return { child, told, ended };
}

/** Somebody else on a port; where another program has it already, that one is the somebody. */
async function take(port: number): Promise<{ port: number; release(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.once("error", () => resolve()).listen(port, resolve);
  });
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : port;
  return { port: taken, release: () => server.close() };
}

test("with the usual port taken it uses another, and says which", async () => {
  const other = await take(9464);
  const { child, told, ended } = start();
  const [, port] = await until("the address", () => /localhost:(\d+)/.exec(told.out));
  expect(port).not.toBe("9464");
  expect((await fetch(`http://localhost:${port}/healthz`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  other.release();
}, 60_000);

test("with a port taken that was asked for it says so, and which setting it is", async () => {
  const other = await take(0);
  const { told, ended } = start({ CONSUMER_HTTP_PORT: String(other.port) });
  expect(await ended).toBe(1);
  expect(told.err).toContain(`port ${other.port} is taken by another process`);
  expect(told.err).toContain("CONSUMER_HTTP_PORT");
  other.release();
}, 60_000);

test("it stops in order, and quietly, when its reader has gone", async () => {
  const { child, told, ended } = start({ CONSUMER_HTTP_PORT: "0" });
  await until("the first line", () => told.out !== "");
  child.stdout?.destroy();
  expect(await ended).toBe(0);
  expect(told.err).toBe("");
}, 60_000);

test("it runs the console as a process of its own, prints its link first, and takes it along when it stops", async () => {
  const { child, told, ended } = start({ CONSUMER_HTTP_PORT: "0", CONSOLE_PORT: "0" });
  const [, link = ""] = await until("the link", () =>
    /^ {2}(http:\S+\/login\?code=\S+)$/m.exec(told.out),
  );
  expect(told.out.indexOf(link)).toBeLessThan(told.out.indexOf("Where else to look"));
  const headers = { connection: "close" };
  expect((await fetch(link, { headers })).status).toBe(200);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  await expect(fetch(link, { headers })).rejects.toThrow();
}, 60_000);
