import {
  type Consumer,
  createConsumer,
  drain,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { queueNames } from "@centralcloud/contracts";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { createPool } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import {
  addSessionKey,
  createKeyRing,
  formatSessionKey,
  generateKey,
  type PublicPart,
} from "@centralcloud/session-keys";
import type { Pool } from "pg";
import { fillSource } from "./messages.ts";

/** A system with two sources that works, but for some dead letters. */
export interface ShownSystem {
  /** As the console reads it. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const sources = ["eu-1", "us-1"] as const;

/** Starts a server with three databases, gives them what there is to show, and keeps a consumer on them. */
export async function startShownSystem(): Promise<ShownSystem> {
  const server = await startEmbeddedPostgres({
    databases: [...sources, "centralcloud"],
    durable: true,
  });
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
    for (const url of sourceUrls) await migrateAndSchedule("source", url, () => {});
    const key = await generateKey({ alg: "openpgp", keyId: "key-1" });
    const [publicPart] = (await createKeyRing([key])).keys;
    if (publicPart === undefined) throw new Error("a key ring of one key has none");
    for (const [index, pool] of pools.entries()) await prepareSource(pool, index, publicPart);
    const environment = {
      SOURCE_DATABASE_URLS: sourceUrls.join(" "),
      CENTRAL_DATABASE_URL: centralUrl,
    };
    const configuration = readConsumerConfiguration({
      ...environment,
      CONSUMER_HTTP_PORT: "0",
      SESSION_PRIVATE_KEYS: formatSessionKey(key),
    });
    // First: it tells only every few seconds how it is, and sources are yet to be connected when it starts.
    consumer = createConsumer(configuration, () => {});
    await consumer.start();
    await drain(configuration, () => {}, { timeoutS: 60 });
    for (const [index, pool] of pools.entries()) await spreadOverHours(pool, index);
    return { environment, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareSource(pool: Pool, index: number, publicPart: PublicPart): Promise<void> {
  const { keyId, alg, publicKey } = publicPart;
  await addSessionKey(pool, { keyId, algorithm: alg, publicKey }, { activate: true });
  await fillSource(pool, index);
  // As if they had been sent in the last six hours.
  for (const queue of queueNames) {
    await pool.query(
      `with numbered as (
         select msg_id, row_number() over (order by msg_id) / (1.0 + count(*) over ()) as place from pgmq."q_${queue}")
       update pgmq."q_${queue}" q
          set enqueued_at = clock_timestamp() - make_interval(secs => 21600 * power(1 - n.place, 0.8))
         from numbered n where n.msg_id = q.msg_id`,
    );
  }
}

/** Moves what came of the messages to where it would be if a consumer had been there all the time. */
async function spreadOverHours(pool: Pool, index: number): Promise<void> {
  for (const queue of queueNames) {
    await pool.query(
      `update pgmq."a_${queue}" set archived_at = enqueued_at + make_interval(secs => 0.4 + (msg_id % 7) * 0.3)`,
    );
  }
  await pool.query(
    `update pgmq."q_${queueNames[0]}-dlq"
        set enqueued_at = clock_timestamp() - make_interval(secs => 300 + (msg_id * 97 + $1 * 41) % 9000)`,
    [index],
  );
  // What is copied of an archive into another is no part of what is shown.
  await pool.query(
    "update public.singularity_source set copied_until = null where copied_until is not null",
  );
  await pool.query("select public.refresh_metrics()");
}
