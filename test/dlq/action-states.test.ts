import {
  type ActionState,
  type ActionVerb,
  actionStates,
  actionVerbs,
  claimAction,
  controlAction,
  nextState,
  planAction,
  readAction,
  releaseAction,
} from "@centralcloud/central";
import fc from "fast-check";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { emptyQueues } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { attempt, useMembers } from "../support/logins.ts";

const system = useSystem();
const members = useMembers(system, { nobody: undefined });
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const request = { actor: "ann@desk", reason: "a test" };
const plan = (changes: object = {}) =>
  planAction(system.central.pool, {
    action: "discard",
    request: { ...request, ...changes },
    selection: {},
    parts: [],
  });

test("the database and the code know the same states, and what follows on what", async () => {
  const pairs = actionStates.flatMap((state) => actionVerbs.map((verb) => ({ state, verb })));
  const { rows } = await system.central.pool.query(
    `select p.state, p.verb, central.next_action_state(p.state, p.verb) as next
       from unnest($1::text[], $2::text[]) p (state, verb)`,
    [pairs.map(({ state }) => state), pairs.map(({ verb }) => verb)],
  );
  expect(rows).toEqual(
    pairs.map(({ state, verb }) => ({ state, verb, next: nextState(state, verb) ?? null })),
  );
});

test("whatever is asked of an action in whatever order, it is where the states say, and an end is an end", async () => {
  const { pool } = system.central;
  const sequences = fc.array(fc.constantFrom<ActionVerb>(...actionVerbs), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sequences, async (verbs) => {
      const { id } = await plan();
      let state: ActionState = "planned";
      let isOver = false;
      for (const verb of verbs) {
        const next = isOver ? undefined : nextState(state, verb);
        if (verb === "start") {
          const claim = await claimAction(pool, id, "runner");
          expect(claim?.isClaimed).toBe(next !== undefined);
        } else if (verb === "finish" || verb === "fail") {
          // Only its runner may, and who has none begins it first.
          if ((await claimAction(pool, id, "runner"))?.isClaimed) {
            const begun: ActionState = nextState(state, "start") ?? state;
            const after: ActionState = nextState(begun, verb) ?? begun;
            expect(await releaseAction(pool, id, "runner", verb)).toBe(after);
            state = after;
            isOver ||= verb === "finish" && (after === "done" || after === "cancelled");
          } else expect(await releaseAction(pool, id, "another", verb)).toBeNull();
          continue;
        } else {
          const isIdle = state === "planned";
          const controlled = await controlAction(pool, id, verb, request);
          const begins = verb === "resume" && state === "planned" ? "running" : undefined;
          const target = { pause: "paused", resume: "running", cancel: "cancelled" }[verb];
          const reached =
            nextState(state, verb) ?? begins ?? (state === target ? state : undefined);
          expect(controlled?.isDone).toBe(reached !== undefined);
          if (reached !== undefined) state = reached;
          // Nothing of it has been moved, so there is nothing to make final.
          isOver ||= isIdle && state === "cancelled";
          continue;
        }
        if (next !== undefined) state = next;
      }
      const action = await readAction(pool, id);
      expect(action?.state).toBe(state);
      expect(action?.finishedAt !== null).toBe(isOver);
    }),
    { numRuns: 60 },
  );
});

test("the same idempotency key is the same action, and not another one", async () => {
  const first = await plan({ idempotencyKey: "form-1" });
  expect(await plan({ idempotencyKey: "form-1" })).toEqual({ ...first, isNew: false });
  await expect(plan({ idempotencyKey: "form-1", reason: "another" })).rejects.toThrow(
    /another one/,
  );
});

test("one runner has an action at a time, and another gets it once its lease has run out", async () => {
  const { pool } = system.central;
  const { id } = await plan();
  const claims = await Promise.all(["a", "b", "c"].map((runner) => claimAction(pool, id, runner)));
  expect(claims.filter((claim) => claim?.isClaimed)).toHaveLength(1);
  expect((await claimAction(pool, id, "d"))?.isClaimed).toBe(false);
  await pool.query(
    "update central.operator_actions set lease_until = clock_timestamp() - interval '1 ms'",
  );
  expect((await claimAction(pool, id, "d"))?.isClaimed).toBe(true);
  expect(await claimAction(pool, "987654", "d")).toBeUndefined();
});

test("who may only act adds to the record, and changes nothing of it", async () => {
  const { pool } = system.central;
  const { login } = members.nobody;
  await pool.query(`grant usage on schema central to "${login.name}"`);
  await pool.query(
    `grant execute on function
       central.plan_operator_action(text, text, text, jsonb, jsonb, text, text, double precision, integer, text),
       central.claim_operator_action(bigint, text, interval),
       central.report_operator_action(bigint, text, interval, jsonb, text),
       central.release_operator_action(bigint, text, text, text),
       central.control_operator_action(bigint, text, text, double precision, text) to "${login.name}"`,
  );
  const allowed = [
    `select central.plan_operator_action('discard', 'ann', 'why', '{}', '[]', p_idempotency_key => 'mine')`,
    `select central.control_operator_action(1, 'pause', 'ann')`,
    `select central.claim_operator_action(1, 'me', '1 s')`,
  ];
  for (const statement of allowed) {
    expect(await attempt(members.nobody.central, statement)).toBe("allowed");
  }
  const { rows } = await pool.query(
    `select a.login from central.operator_actions a where a.idempotency_key = 'mine'`,
  );
  expect(rows.length === 0 || rows[0].login === login.name).toBe(true);
  onTestFinished(async () => {
    await pool.query(`drop owned by "${login.name}"`);
  });
  const refused = [
    "update central.operator_actions set actor = 'bob'",
    "delete from central.operator_actions",
    "update central.operator_action_events set actor = 'bob'",
    "delete from central.operator_action_events",
    "insert into central.operator_action_events (action_id, event, actor, login, detail) values (1, 'x', 'x', 'x', '{}')",
    "update central.operator_action_parts set moved_count = 0",
    "truncate central.operator_action_events",
  ];
  for (const statement of refused) {
    expect(await attempt(members.nobody.central, statement)).not.toBe("allowed");
  }
});
