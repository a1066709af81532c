import { readCaptureStatus } from "@centralcloud/cdc";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dropSlots, prepareForCapture, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  renameTestDatabase,
  type TestSystem,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* The slot of a database bears its name from when the slot was made; it is known whatever the name is now. */

const first = useSystem();
failOnLeaks(first);
const capture = useCapture(first);
let system: TestSystem;

beforeEach(async () => {
  system = { singularity: await createTestDatabase("source"), central: first.central };
  await prepareForCapture(system);
});

afterEach(async () => {
  await dropSlots(system);
  await dropTestDatabase(system.singularity);
});

const insertAgent = (id: string) =>
  system.singularity.pool.query("insert into agents (agent_id) values ($1)", [id]);
const status = () => readCaptureStatus(system.singularity.pool, system.central.pool);
const start = () => capture.start({ sourceUrls: [system.singularity.url] });

/** Lets the name of its slot be taken again, as by a capture that was never there. */
async function forget({ singularity, central }: TestSystem): Promise<void> {
  await dropSlots({ singularity, central });
  const { rows } = await singularity.pool.query("select source_id from singularity_source");
  await central.pool.query("delete from central.capture_cursors where source_id = $1", [
    rows[0]?.source_id,
  ]);
}

/** A slot that has the database's name in its own, and then a database that has another one. */
async function captureAndRename(): Promise<string> {
  const { name } = system.singularity;
  const slot = await until("the slot has its database's name", async () => {
    // The usual name is taken by this one, or by a test beside this one, which may let go of it.
    const occupant = await capture.start();
    await occupant.observed("capture-reading");
    const part = await start();
    const made = (await part.observed("capture-reading")).slot;
    await part.stop();
    await occupant.stop();
    await forget(first);
    if (made.endsWith(name)) return made;
    await forget(system);
    return undefined;
  });
  expect(slot).toBe(`singularity_centralcloud_cdc_${name}`);
  system.singularity = await renameTestDatabase(system.singularity, `${name}_2`);
  return name;
}

test("a capture continues after its database was renamed, with the slot that it had", async () => {
  const name = await captureAndRename();
  await insertAgent("after");
  expect((await status()).state).toBe("unread");
  const part = await start();
  expect((await part.observed("capture-reading")).slot).toContain(name);
  await part.observed("changes-recorded");
  expect((await capture.log()).at(-1)?.newValues).toContain("after");
  await part.stop();
});

test.each(["recreate", "drop"])("%s finds the slot of the old name", async (command) => {
  const name = await captureAndRename();
  const words = ["cdc", command, "--reason", "it was renamed"];
  expect((await runCommand(words, environmentOf(system))).exitCode).toBe(0);
  const { rows } = await system.singularity.pool.query(
    "select slot_name from pg_replication_slots where database = current_database()",
  );
  expect(rows.filter(({ slot_name }) => slot_name.endsWith(name))).toEqual([]);
  expect((await status()).state).toBe(command === "drop" ? "off" : "unread");
});

test("a database that gets a name which another one had makes a slot of its own", async () => {
  const name = await captureAndRename();
  const before = system;
  const occupant = await capture.start();
  await occupant.observed("capture-reading");
  const another = await createTestDatabase("source");
  system = { ...first, singularity: await renameTestDatabase(another, name) };
  await prepareForCapture(system);
  try {
    const part = await start();
    const { slot } = await part.observed("capture-reading");
    await part.stop();
    // The usual name, where a test beside this one has just let go of it; else one with a number.
    expect(slot).toMatch(/^singularity_centralcloud_cdc(_\d+)?$/);
  } finally {
    await occupant.stop();
    await forget(first);
    await dropSlots(before);
    await dropTestDatabase(before.singularity);
  }
});
