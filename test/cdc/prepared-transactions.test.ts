import { afterEach, expect, test } from "vitest";
import { dropSlots, useCapture } from "../support/capture.ts";
import { useHealthySystem } from "../support/healthy-system.ts";
import { failOnLeaks } from "../support/leaks.ts";

/* A server of its own, which allows prepared transactions: no process holds them, and a slot waits for them nevertheless. */

const system = useHealthySystem();
failOnLeaks(system);
const capture = useCapture(system, "pgoutput");

afterEach(async () => {
  await system.query("rollback prepared 'left'");
  await dropSlots(system);
  await system.queryCentral("delete from central.capture_cursors");
});

test("a prepared transaction, which no process holds, is named as one", async () => {
  await system.query(
    "begin; insert into agents (agent_id) values ('prepared'); prepare transaction 'left'",
  );
  const part = await capture.start();
  expect((await part.observed("capture-slot-waiting")).waitsFor).toContain("pg_prepared_xacts");
  await part.stop();
});
