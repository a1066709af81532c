import {
  type Consumer,
  createConsumer,
  drain,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { createPool } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import { addSessionKey, createKeyRing, generateKey } from "@centralcloud/session-keys";
import type { Pool } from "pg";
import { fillSource, invalidMessages } from "./messages.ts";

/** A system with two sources that works, but for some dead letters. */
export interface ShownSystem {
  /** As the console reads it. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const sources = ["eu-1", "us-1"] as const;

/** Starts a server with three databases, gives them what there is to show, and keeps a consumer on them. */
export async function startShownSystem(): Promise<ShownSystem> {
  const server = await startEmbeddedPostgres({ databases: [...sources, "centralcloud"] });
  const centralUrl = server.urlOf("centralcloud");
  const sourceUrls = sources.map((name) => server.urlOf(name));
  const pools = sourceUrls.map((url) =>
    createPool(url, { applicationName: "screenshots", max: 2 }),
  );
  let consumer: Consumer | undefined;
  const stop = async () => {
    await consumer?.stop(2_000);
    for (const pool of pools) await pool.end();
    await server.stop();
  };
  try {
    await migrateAndSchedule("central", centralUrl, () => {});
    for (const url of sourceUrls) await migrateAndSchedule("singularity", url, () => {});
    for (const [index, pool] of pools.entries()) await prepareSource(pool, index);
    const environment = {
      SOURCE_DATABASE_URLS: sourceUrls.join(" "),
      CENTRAL_DATABASE_URL: centralUrl,
    };
    const configuration = readConsumerConfiguration({ ...environment, CONSUMER_HTTP_PORT: "0" });
    await drain(configuration, () => {}, { timeoutS: 60 });
    for (const [index, pool] of pools.entries()) await spreadOverHours(pool, index);
    consumer = createConsumer(configuration, () => {});
    await consumer.start();
    return { environment, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareSource(pool: Pool, index: number): Promise<void> {
  const key = await generateKey({ alg: "openpgp", keyId: "key-1" });
  const [publicPart] = (await createKeyRing([key])).keys;
  if (publicPart === undefined) throw new Error("a key ring of one key has none");
  const { keyId, alg, publicKey } = publicPart;
  await addSessionKey(pool, { keyId, algorithm: alg, publicKey }, { activate: true });
  await fillSource(pool, index);
}

/**
 * Moves what was merged, and what was dead-lettered, to where it would be if it had happened in the last hours; so
 * that charts have something to draw.
 */
async function spreadOverHours(pool: Pool, index: number): Promise<void> {
  for (const queue of ["centralcloud-new-patterns", "agent-sessions", "agent-knowledge-updates"]) {
    await pool.query(
      `with numbered as (
         select msg_id, clock_timestamp() - make_interval(secs => 6 * 3600 * power(
                  (row_number() over (order by msg_id))::float8 / (1 + count(*) over ()), 0.8)) as at
           from pgmq."a_${queue}")
       update pgmq."a_${queue}" a
          set archived_at = n.at, enqueued_at = n.at - make_interval(secs => 0.4 + (a.msg_id % 7) * 0.3)
         from numbered n where n.msg_id = a.msg_id`,
    );
  }
  await pool.query(
    `update pgmq."q_centralcloud-new-patterns-dlq" d
        set enqueued_at = clock_timestamp() - make_interval(secs => 300 + (d.msg_id * 97 + $1 * 41) % 9000)`,
    [index],
  );
  // What is copied of an archive into another is no part of what is shown.
  await pool.query(
    "update public.singularity_source set copied_until = null where copied_until is not null",
  );
  await pool.query("select public.refresh_metrics()");
}

/** How many dead letters there are to show. */
export const expectedDeadLetters = sources
  .map((_, index) => invalidMessages(index).length)
  .reduce((sum, count) => sum + count, 0);
