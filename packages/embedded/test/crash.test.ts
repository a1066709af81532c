import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  endOf,
  isAlive,
  killWithWatchdog,
  pathTo,
  query,
  runProgram,
  start,
  temporaryDirectories,
  untilGone,
  usePlayground,
} from "./support.ts";

usePlayground();

/** One cluster for all these tests: each leaves it fit for the next, or that one fails. */
const keptData = () => ({ dataDirectory: pathTo("kept") });

test("a killed parent leaves no process and no temporary directory", async () => {
  const program = await runProgram();
  expect(existsSync(program.cluster)).toBe(true);
  process.kill(program.pid, "SIGKILL");
  await untilGone(program.server, program.watchdog);
  expect(temporaryDirectories()).toEqual([]);
});

test("a parent that ends without a stop leaves no process either", async () => {
  const program = await runProgram(keptData());
  process.kill(program.pid, "SIGTERM");
  await untilGone(program.server, program.watchdog);
});

test("a killed parent's persistent data are shut down in order and can be used at once", async () => {
  const program = await runProgram(keptData());
  process.kill(program.pid, "SIGKILL");
  await untilGone(program.server, program.watchdog);
  const lines: string[] = [];
  await start({ ...keptData(), onLog: (line) => lines.push(line) });
  expect(lines.join("\n")).toContain("database system was shut down at");
});

test("Ctrl-C in the terminal does not stop the server before its parent does", async () => {
  const program = await runProgram(keptData());
  // To the whole process group, as a terminal does it.
  process.kill(-program.pid, "SIGINT");
  await program.hears("drained");
  expect(isAlive(program.server)).toBe(true);
  process.kill(program.pid, "SIGUSR2");
  await program.hears("stopped");
  await endOf(program.child);
  expect(program.child.exitCode).toBe(0);
  await untilGone(program.server, program.watchdog);
});

test("a server whose watchdog was killed does not continue unguarded", async () => {
  const server = await start();
  process.kill(server.processIds.watchdog, "SIGKILL");
  await untilGone(server.processIds.server);
  await server.stop();
  expect(temporaryDirectories()).toEqual([]);
});

test("the next start stops a server that nobody guards, and has its data", async () => {
  const { dataDirectory } = keptData();
  const program = await runProgram({ dataDirectory, databases: ["facts"] });
  const password = readFileSync(join(dataDirectory, "password"), "utf8").trim();
  const url = `postgres://postgres:${password}@127.0.0.1:${program.port}/facts`;
  await query(url, "create table facts as select 42 as fact");
  await killWithWatchdog(program);
  expect(isAlive(program.server)).toBe(true);

  const server = await start({ dataDirectory });
  expect(isAlive(program.server)).toBe(false);
  expect(server.port).toBe(program.port);
  expect(await query(server.urlOf("facts"), "table facts")).toEqual([{ fact: 42 }]);
});

test("the next temporary start removes temporary data that nobody guards", async () => {
  const program = await runProgram();
  await killWithWatchdog(program);
  expect(isAlive(program.server)).toBe(true);
  await start();
  expect(isAlive(program.server)).toBe(false);
  expect(existsSync(program.cluster)).toBe(false);
});

test("a killed server is recovered from, with what was committed", async () => {
  const first = await start(keptData());
  await query(first.urlOf("postgres"), "create table survivors as select 42 as fact");
  process.kill(first.processIds.server, "SIGKILL");
  await untilGone(first.processIds.server, first.processIds.watchdog);
  await first.stop();
  const second = await start(keptData());
  expect(await query(second.urlOf("postgres"), "table survivors")).toEqual([{ fact: 42 }]);
});

test("a postmaster.pid with the id of an unrelated process does not block a start", async () => {
  const cluster = join(keptData().dataDirectory, "cluster");
  await (await start(keptData())).stop();
  writeFileSync(join(cluster, "postmaster.pid"), `${process.pid}\n${cluster}\n0\n5432\n`);
  const server = await start(keptData());
  expect(await query(server.urlOf("postgres"), "select 1 as one")).toEqual([{ one: 1 }]);
});
