import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataDirectoryInUseError, removeDataDirectory } from "@centralcloud/embedded";
import { expect, test } from "vitest";
import { pathTo, query, runProgram, start, usePlayground } from "./support.ts";

usePlayground();

test("data, port and password survive a stop and a start", async () => {
  const dataDirectory = pathTo("kept");
  const first = await start({ dataDirectory, databases: ["facts"] });
  await query(first.urlOf("facts"), "create table facts as select 42 as fact");
  await first.stop();
  const second = await start({ dataDirectory, databases: ["facts"] });
  expect(second.urlOf("facts")).toBe(first.urlOf("facts"));
  expect(await query(second.urlOf("facts"), "table facts")).toEqual([{ fact: 42 }]);
});

test("the password is readable by its owner alone, and neither in arguments nor in the log", async () => {
  const dataDirectory = pathTo("kept");
  const lines: string[] = [];
  const server = await start({ dataDirectory, onLog: (line) => lines.push(line) });
  const { password } = new URL(server.urlOf("postgres"));
  expect(statSync(join(dataDirectory, "password")).mode & 0o077).toBe(0);
  expect(password.length).toBeGreaterThan(20);
  const log = await readFile(join(dataDirectory, "server.log"), "utf8");
  expect(log).toContain("ready to accept connections");
  expect(lines.join("\n")).toContain("ready to accept connections");
  expect(log + lines.join("\n")).not.toContain(password);
  if (process.platform !== "linux") return;
  for (const pid of Object.values(server.processIds)) {
    expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain(password);
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain(password);
  }
});

test("a second start on a directory in use is refused, and names the first", async () => {
  const dataDirectory = pathTo("kept");
  const program = await runProgram({ dataDirectory });
  const error = await start({ dataDirectory }).catch((error) => error);
  expect(error).toBeInstanceOf(DataDirectoryInUseError);
  expect(error.code).toBe("data_directory_in_use");
  expect(error.message).toContain(`process ${program.pid} (`);
  expect(error.message).toContain("Stop that one first");
});

test("of two starts on one new directory at most one succeeds", async () => {
  const dataDirectory = pathTo("contested");
  const outcomes = await Promise.allSettled([start({ dataDirectory }), start({ dataDirectory })]);
  const failures = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(failures.length).toBe(1);
  for (const { reason } of failures) expect(reason).toBeInstanceOf(DataDirectoryInUseError);
});

test("removal deletes everything, but not while a server runs, and not what is not its own", async () => {
  const dataDirectory = pathTo("kept");
  const server = await start({ dataDirectory });
  await expect(removeDataDirectory(dataDirectory)).rejects.toBeInstanceOf(DataDirectoryInUseError);
  expect(await query(server.urlOf("postgres"), "select 1 as one")).toEqual([{ one: 1 }]);
  await server.stop();
  writeFileSync(join(dataDirectory, "notes.txt"), "mine");
  await removeDataDirectory(dataDirectory);
  expect(await readdir(dataDirectory)).toEqual(["notes.txt"]);
  await removeDataDirectory(pathTo("never there"));
});

test("a directory of something else is left alone", async () => {
  const dataDirectory = pathTo("foreign");
  mkdirSync(dataDirectory);
  writeFileSync(join(dataDirectory, "thesis.tex"), "");
  await expect(start({ dataDirectory })).rejects.toMatchObject({ code: "data_directory_invalid" });
  expect(await readdir(dataDirectory)).toEqual(["thesis.tex"]);
});

test("data of another major version, and damaged data, are reported as such", async () => {
  const dataDirectory = pathTo("damaged");
  await (await start({ dataDirectory })).stop();
  const cluster = join(dataDirectory, "cluster");
  writeFileSync(join(cluster, "PG_VERSION"), "12\n");
  await expect(start({ dataDirectory })).rejects.toMatchObject({
    code: "wrong_major_version",
    message: expect.stringContaining("made by PostgreSQL 12, and this is PostgreSQL 17"),
  });
  writeFileSync(join(cluster, "PG_VERSION"), "17\n");
  writeFileSync(join(cluster, "global", "pg_control"), "nonsense");
  await expect(start({ dataDirectory })).rejects.toMatchObject({
    code: "server_start_failed",
    message: expect.stringContaining("pg_control"),
  });
  rmSync(join(cluster, "global", "pg_control"));
  await expect(start({ dataDirectory })).rejects.toMatchObject({
    code: "data_directory_invalid",
    message: expect.stringContaining("global/pg_control is missing"),
  });
});

test("a half-made cluster is made anew", async () => {
  const dataDirectory = pathTo("interrupted");
  mkdirSync(join(dataDirectory, "initializing", "cluster"), { recursive: true });
  writeFileSync(join(dataDirectory, "initializing", "cluster", "PG_VERSION"), "17\n");
  writeFileSync(join(dataDirectory, "password"), "old\n");
  const server = await start({ dataDirectory });
  expect(await query(server.urlOf("postgres"), "select 1 as one")).toEqual([{ one: 1 }]);
});
