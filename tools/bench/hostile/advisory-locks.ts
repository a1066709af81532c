import { queueNames } from "@centralcloud/contracts";
import pg from "pg";

/** Keys of versions that excluded each other by advisory locks, and those by which consumers and senders tell each other something. */
const numbers = ["ccsc", "ccmi", "cccr", "ccsl", "ccpb", "cccl"].map((name) =>
  Number.parseInt(Buffer.from(name).toString("hex"), 16),
);
const expressions = [
  ...numbers.map(String),
  "hashtext('centralcloud.update_agent_knowledge')",
  ...queueNames.flatMap((queue) => [
    `hashtextextended('centralcloud idle q_${queue}', 0)`,
    `hashtextextended('centralcloud import pgmq."q_${queue}-dlq"', 0)`,
    ...[1, 2, 3, 4].map((n) => `hashtextextended('centralcloud read ${queue}', ${n})`),
  ]),
];

/** The class of the locks of jobs, "ccjb" in ASCII; the other half of the key is the hash of the name. */
const jobClass = 0x63_63_6a_62;

/** Takes every advisory lock whose key is known from the code, as any login can, until the connection is closed. */
export async function takeEveryAdvisoryLock(
  url: string,
  applicationName: string,
  jobs: readonly string[] = [],
): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: applicationName });
  await client.connect();
  for (const expression of expressions)
    await client.query(`select pg_advisory_lock(${expression})`);
  for (const job of jobs) {
    await client.query("select pg_advisory_lock($1, hashtext($2))", [jobClass, job]);
  }
  return client;
}
