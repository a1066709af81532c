import { queueNames } from "@centralcloud/contracts";
import pg from "pg";
import { takeEveryAdvisoryLock } from "./advisory-locks.ts";

/** A source whose server belongs to somebody who means no good, and what that somebody has. */
export interface HostileSource {
  /** As the owner of everything in the database. */
  readonly url: string;
  /** As the application. */
  readonly applicationUrl: string;
  /** The identity of a source that is well. */
  readonly idOfAnother: string;
}

/** One way to do harm. It is done again and again, until all of them end. */
export interface Attack {
  readonly name: string;
  /** How far one time is from the next, in milliseconds. */
  readonly everyMs: number;
  /** Does it once; with connections of its own, which are cut at the end. What the server refuses is tried again. */
  readonly harm: (admin: pg.Client, source: HostileSource) => Promise<void>;
}

const [knowledge, patterns, sessions] = [
  "agent-knowledge-updates",
  "centralcloud-new-patterns",
  "agent-sessions",
] as const;

/** A row that is put as it is given, beside what pgmq would send. */
const put = (queue: string, columns: Readonly<Record<string, string>>, count = 1) => {
  const all = { vt: "clock_timestamp()", message: "'{}'", ...columns };
  return `insert into pgmq."q_${queue}" (${Object.keys(all).join(", ")}) overriding system value
          select ${Object.values(all).join(", ")} from generate_series(1, ${count}) n`;
};

/** Replaces the table that says who a source is, for as long as `work` takes. */
async function pretendToBe(admin: pg.Client, view: string, ms: number): Promise<void> {
  await admin.query(
    `begin; set local lock_timeout = '2s';
     alter table public.singularity_source rename to singularity_source_of_before;
     create view public.singularity_source as ${view};
     grant select on public.singularity_source to public; commit`,
  );
  try {
    await admin.query("select pg_sleep($1)", [ms / 1_000]);
  } finally {
    await admin.query(
      `rollback; begin; drop view public.singularity_source;
       alter table public.singularity_source_of_before rename to singularity_source; commit`,
    );
  }
}

/** A trigger of a queue that does this whenever the consumer claims, settles or counts a message. */
const onClaim = (queue: string, name: string, body: string) =>
  `create or replace function public.hostile_${name}() returns trigger language plpgsql as $hostile$
   begin ${body}; return null; end $hostile$;
   create or replace trigger hostile_${name} after update on pgmq."q_${queue}"
     for each statement execute function public.hostile_${name}()`;

const noMore = (queue: string, name: string) =>
  `drop trigger if exists hostile_${name} on pgmq."q_${queue}"`;

/** All that was thought of. Each was a way to harm others, or could have been. */
export const attacks: readonly Attack[] = [
  {
    name: "a view in place of its identity",
    everyMs: 7_000,
    harm: (admin) =>
      pretendToBe(
        admin,
        `select true as singleton, s.source_id, repeat('x', 1000000) as name, s.created_at
           from public.singularity_source_of_before s, generate_series(1, 100000)`,
        2_000,
      ),
  },
  {
    name: "the identity of another",
    everyMs: 5_000,
    harm: (admin, { idOfAnother }) =>
      pretendToBe(
        admin,
        `select true as singleton, '${idOfAnother}'::uuid as source_id, s.name, s.created_at
           from public.singularity_source_of_before s`,
        2_000,
      ),
  },
  {
    name: "seals of another session",
    everyMs: 2_000,
    async harm(admin) {
      await admin.query(
        `insert into public.agent_sessions (agent_id, state) values ('hostile', '{"step": 1}')`,
      );
      await admin.query(
        put(sessions, {
          message: `(select jsonb_set(q.message, '{session_id}', to_jsonb('misplaced-' || n))
                       from pgmq."q_${sessions}" q limit 1)`,
        }),
      );
    },
  },
  {
    name: "odd rows of an application",
    everyMs: 1_000,
    async harm(_, { applicationUrl }) {
      await withClient(applicationUrl, async (client) => {
        await client.query(
          `do $deep$ declare v jsonb := '1'; begin
             for i in 1..3000 loop v := jsonb_build_array(v); end loop;
             insert into analysis_results (agent_id, result) values ('deep', v), (repeat('a', 10000), '{}');
             insert into agent_sessions (agent_id, state, confidence) values ('odd', '{}', 'NaN');
           end $deep$`,
        );
        await client.query("select learn_patterns_from_analysis()");
        await client.query("select sync_learning_to_centralcloud()");
      });
    },
  },
  {
    name: "messages that are small as stored and large as text",
    everyMs: 10_000,
    async harm(admin) {
      await admin.query(
        put(patterns, { message: "jsonb_build_object('text', repeat('x', 36000000))" }, 5),
      );
    },
  },
  {
    name: "odd rows of queues",
    everyMs: 1_000,
    async harm(admin) {
      for (const queue of queueNames) {
        await admin.query(put(queue, { read_ct: "2147483647" }, 3));
        await admin.query(put(queue, { enqueued_at: "'0044-03-15 BC'" }, 3));
        await admin.query(put(queue, { enqueued_at: "'infinity'", message: "null" }, 3));
        await admin.query(put(queue, { message: "to_jsonb(repeat('[', 900))" }, 3));
      }
      await admin.query(put(patterns, { msg_id: "9223372036854775800 - n" }));
    },
  },
  {
    name: "every advisory lock that is known",
    everyMs: 100,
    async harm(_, { applicationUrl }) {
      const holder = await takeEveryAdvisoryLock(applicationUrl, "test-harness");
      await holder.query("select pg_sleep(4)").finally(() => holder.end());
    },
  },
  {
    name: "a flood of notices",
    everyMs: 3_000,
    async harm(admin) {
      const notices = `for i in 1..20000 loop raise notice '%', repeat('n', 8000); end loop`;
      await admin.query(onClaim(patterns, "notices", notices));
      await admin.query("select pg_sleep(3)");
      await admin.query(noMore(patterns, "notices"));
    },
  },
  {
    name: "errors of ten megabytes",
    everyMs: 3_000,
    async harm(admin) {
      const error = `raise exception '%', repeat(chr(27) || '[2J', 2500000)`;
      await admin.query(onClaim(sessions, "errors", error));
      await admin.query("select pg_sleep(3)");
      await admin.query(noMore(sessions, "errors"));
    },
  },
  {
    name: "statements that do not end",
    everyMs: 3_000,
    async harm(admin) {
      await admin.query(onClaim(knowledge, "sleeps", "perform pg_sleep(3600)"));
      await admin.query("select pg_sleep(5)");
      await admin.query(noMore(knowledge, "sleeps"));
    },
  },
  {
    name: "a flood of notifications",
    everyMs: 200,
    async harm(admin) {
      await admin.query(
        "select count(pg_notify('centralcloud', n || repeat('x', 7900))) from generate_series(1, 500) n",
      );
    },
  },
  {
    name: "tables that are locked",
    everyMs: 6_000,
    async harm(admin) {
      await admin.query(`begin; set local lock_timeout = '1s';
        lock table pgmq."q_${patterns}", pgmq."q_${patterns}-dlq" in access exclusive mode`);
      await admin.query("select pg_sleep(2)").finally(() => admin.query("rollback"));
    },
  },
  {
    name: "connections that are cut",
    everyMs: 4_000,
    async harm(admin) {
      await admin.query(
        `select count(pg_terminate_backend(pid)) from pg_stat_activity
          where datname = current_database() and application_name like 'centralcloud%'`,
      );
    },
  },
];

export async function withClient<Result>(
  connectionString: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString, application_name: "hostile" });
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
