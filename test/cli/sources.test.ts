import { expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { idOf, place, send, useCopies } from "../support/source-copies.ts";

const { system, environment, run, copy, list } = useCopies();
failOnLeaks();

test("list: every source with its id, server and state, configured or not", async () => {
  expect(await list()).toMatchObject([{ server: place(system.singularity), state: "ok" }]);
  await drainAll(system);
  const clone = await copy();
  const id = await idOf(clone);
  expect(await list(system.singularity, clone)).toMatchObject([
    { id, server: place(system.singularity), state: "ok" },
    { id, server: place(clone), state: "conflict" },
  ]);
  expect(await list(clone)).toMatchObject([
    { id, server: place(clone), state: "moved" },
    { id, server: place(system.singularity), state: "ok" },
  ]);
  const { stdout } = await run(["list"], clone);
  expect(stdout).toMatch(/id +name +server +state +decided +reason/);
});

test("adopt: the source is where the operator says from now on, and the database before waits", async () => {
  await drainAll(system);
  const clone = await copy();
  await send(clone, "of the copy");
  await expect(drainAll({ ...system, singularity: clone })).rejects.toThrow(
    "sources adopt --source",
  );
  const words = ["adopt", "--source", place(clone), "--reason", "restored"];
  const { exitCode, stdout } = await run(words, system.singularity, clone);
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: expect.stringContaining(place(clone)),
  });
  expect((await drainAll({ ...system, singularity: clone })).report.processed).toBe(1);
  expect(await list(system.singularity, clone)).toMatchObject([
    { server: place(system.singularity), state: "conflict", decision: null },
    { server: place(clone), state: "ok", decision: "adopted" },
  ]);
  const { rows } = await system.central.pool.query(
    "select action, reason, selection ->> 'address' as address from central.operator_actions",
  );
  expect(rows).toEqual([{ action: "adopt-source", reason: "restored", address: place(clone) }]);
});

test("what is decided by a source's id is done to no other database that has the same", async () => {
  const clone = await copy();
  const configured = environment(system.singularity, clone);
  const words = ["dlq", "replay", "--all", "--reason", "test"];
  const refused = await runCommand(words, configured);
  expect(refused).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("have the same id"),
  });
  const named = await runCommand([...words, "--source", place(system.singularity)], configured);
  expect(named.exitCode).toBe(0);
});

test("a capture is neither dropped nor begun anew from a database whose id is another's", async () => {
  await drainAll(system);
  const clone = await copy();
  for (const command of ["drop", "recreate"]) {
    const refused = await runCommand(["cdc", command, "--reason", "test"], environment(clone));
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("sources renew"),
    });
  }
});
