import type { Stage } from "./stage.ts";

/** A way for the central database to be out of reach for a while. */
export interface Interruption {
  readonly begin: (stage: Stage) => Promise<void>;
  /** @returns the moment from which it could be reached again, by the server's own clock */
  readonly end: (stage: Stage) => Promise<string>;
}

/** Stopped in order. It counts as back when its process has begun, so its own start counts against us. */
const stopped: Interruption = {
  begin: ({ databases: { central } }) => central.server.stop("fast"),
  async end({ databases: { central } }) {
    await central.server.start();
    return await ask(central, "pg_postmaster_start_time()");
  },
};

/** Alive, but the network between it and every replica swallows what either says. */
const partitioned: Interruption = {
  async begin({ replicas }) {
    for (const { toCentral } of replicas) toCentral.change({ kind: "silent" });
  },
  async end({ replicas, databases: { central } }) {
    const back = await ask(central, "clock_timestamp()");
    for (const { toCentral } of replicas) toCentral.change({ kind: "open" });
    return back;
  },
};

export const interruptions = { outage: stopped, partition: partitioned } as const;

async function ask(central: Stage["databases"]["central"], expression: string): Promise<string> {
  const [row] = await central.queryUntilAnswered<{ at: string }>(
    `select ${expression}::text as at`,
  );
  return row?.at ?? "";
}
