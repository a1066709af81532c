import type { DatabaseError, Pool, PoolClient } from "pg";

/**
 * Tries each statement with the rights of the pool's login and takes it back: `works`, or `refused` where a right
 * is missing. What fails for another reason got past the rights, so it works, too.
 */
export async function outcomesOf(
  pool: Pool,
  statements: readonly string[],
): Promise<readonly string[]> {
  const client = await pool.connect();
  try {
    await client.query(attempt);
    await client.query("set statement_timeout = '2s'");
    const outcomes: string[] = [];
    // Each in a transaction of its own: a long one that has written keeps others from making slots.
    for (const statement of statements) outcomes.push(await outcomeOf(client, statement));
    return outcomes;
  } finally {
    client.release(true);
  }
}

async function outcomeOf(client: PoolClient, statement: string): Promise<string> {
  try {
    const { rows } = await client.query<{ outcome: string }>(
      "select pg_temp.attempt($1) as outcome",
      [statement],
    );
    return rows[0]?.outcome ?? "nothing";
  } catch (error) {
    // It waits, for a lock of another say, so it got past the rights.
    if ((error as DatabaseError).code === "57014") return "works";
    throw error;
  }
}

const attempt = `
create function pg_temp.attempt(p_statement text) returns text language plpgsql as $$
begin
  execute p_statement;
  raise exception using errcode = 'TAKEN';
exception
  when insufficient_privilege then
    -- Also where what may be called lacks a right itself: then it does not work for whoever may call it.
    return 'refused';
  when others then
    return 'works';
end
$$`;
