import { readAction } from "@centralcloud/central";
import { outcomeOf, replayDeadLetters } from "@centralcloud/dead-letters";
import { afterEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import {
  actionOn,
  emptyQueues,
  judge,
  patterns,
  putDeadLetter,
  scopeOf,
  sourceOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

test("what became of a replay is looked up in what it sent until its end, however much is archived later", async () => {
  const { singularity, central } = system;
  const id = await putDeadLetter(singularity);
  const { actionId } = await replayDeadLetters(
    await scopeOf(system),
    { ids: [id] },
    { ...actionOn(system), judge },
  );
  const action = await readAction(central.pool, actionId ?? "");
  if (action === undefined) throw new Error("it is not on record");
  const source = await sourceOf(singularity);
  expect(await outcomeOf(action, [source])).toMatchObject({ sent: 1, waiting: 1 });
  await singularity.pool.query(
    `insert into pgmq."a_${patterns}-dlq" (msg_id, enqueued_at, archived_at, vt, message, headers)
     values (9999, now(), clock_timestamp(), now(), '{}',
             jsonb_build_object('action', 'replay', 'action_id', $1::text, 'new_msg_id', '9999'))`,
    [actionId],
  );
  expect(await outcomeOf(action, [source])).toMatchObject({ sent: 1 });
  const running = { ...action, parts: action.parts.map((part) => ({ ...part, endedAt: null })) };
  expect(await outcomeOf(running, [source])).toMatchObject({ sent: 2 });
});
