import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { expect } from "vitest";
import type { TestSystem } from "./databases.ts";

/*
 * A workload whose change log can be checked to the last change: a table `steps` whose rows count how
 * often they were updated.
 */

export async function createSteps(pool: Pool): Promise<void> {
  await pool.query(
    `create table steps (id integer primary key, step integer not null, filling text);
     alter table steps owner to centralcloud_owner;`,
  );
}

/** Begins anew; the truncate is in the change log, too, and what comes after it counts. */
export async function clearSteps(pool: Pool): Promise<void> {
  await pool.query("truncate steps");
}

export interface StepsWorkload {
  /** Stops writing, and waits for what is under way. */
  stop(): Promise<void>;
}

/** Between two transactions, so that what piles up while nobody reads is no matter of the machine's speed. */
const breathMs = 20;

/** Transactions of one to `largest` changes, one after the other, until it is stopped. */
export function writeSteps(pool: Pool, largest = 3_000): StepsWorkload {
  let isStopped = false;
  const sizes = [1, 2, 50, 1, 700, 3, largest, 1, 20];
  const work = (async () => {
    for (let round = 0; !isStopped; round += 1) {
      const size = Math.min(sizes[round % sizes.length] ?? 1, largest);
      await pool
        .query(
          `with moved as (
             update steps set step = step + 1
              where id in (select s.id from steps s order by s.step, s.id limit $1)
             returning id
           )
           insert into steps
           select coalesce((select max(id) from steps), 0) + g, 0, repeat('x', 200) from generate_series(1, $1) g`,
          [Math.ceil(size / 2)],
        )
        // The server is being restarted; whether the transaction was committed, the table tells.
        .catch(() => {});
      await delay(breathMs);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await work;
    },
  };
}

/** Each row was inserted once, and then updated from one step to the next, to where the table has it. */
export async function expectEveryStepOnce({ singularity, central }: TestSystem): Promise<number> {
  const { rows: truth } = await singularity.pool.query<{ rows: number; changes: number }>(
    "select count(*)::integer as rows, (count(*) + coalesce(sum(step), 0))::integer as changes from steps",
  );
  const { rows: found } = await central.pool.query<Record<string, number>>(
    `with entry as (
       select (key ->> 'id')::integer as id, operation, (new_values ->> 'step')::integer as step,
              row_number() over (partition by key ->> 'id' order by lsn, ordinal) - 1 as place
         from central.change_log
        where table_name = 'steps'
          and lsn > (select coalesce(max(lsn), 0) from central.change_log where operation = 'truncate')
     )
     select count(*)::integer as changes, count(distinct id)::integer as rows,
            (count(*) filter (where place <> step))::integer as misplaced,
            (count(*) filter (where (place = 0) <> (operation = 'insert')))::integer as misnamed
       from entry`,
  );
  expect(found[0]).toEqual({ ...truth[0], misplaced: 0, misnamed: 0 });
  return truth[0]?.changes ?? 0;
}

/** How many changes of `steps` the change log has. */
export async function countRecorded({ central }: TestSystem): Promise<number> {
  const { rows } = await central.pool.query<{ count: number }>(
    "select count(*)::integer as count from central.change_log where table_name = 'steps'",
  );
  return rows[0]?.count ?? 0;
}
