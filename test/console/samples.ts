import { groupLetters, recordAction } from "@centralcloud/dead-letters";
import { drainAll, queuesOf } from "../support/consumer.ts";
import type { TestSystem } from "../support/databases.ts";
import { patterns, putLetter, scopeOf } from "../support/dead-letters.ts";
import { patternMessage } from "../support/messages.ts";

/** How a route is asked in a healthy system, for tests that walk all of them. */
export interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
}

/** By path; a route whose path has no variables and whose query needs nothing has none. */
export type Samples = Readonly<Record<string, Sample>>;

const session = JSON.stringify({
  agent_id: "agent-1",
  session_id: "session-1",
  session_state: { step: 1 },
  synced_at: "2025-10-25T10:00:00Z",
});

/** Puts into both databases what there is to show, and says where each of it is. */
export async function prepareSamples(system: TestSystem): Promise<Samples> {
  const { singularity, central } = system;
  const source = singularity.name;
  const [msgId = ""] = [await queuesOf(system).send(patterns, patternMessage())].map(String);
  await queuesOf(system).send("agent-sessions", session);
  await drainAll(system);
  const letter = await putLetter(singularity);
  const found = await groupLetters(await scopeOf(system), {}, { limit: 1 });
  const group = found.groups[0]?.fingerprint ?? "";
  const { rows: learned } = await central.pool.query<{ fingerprint: string }>(
    "select encode(fingerprint, 'hex') as fingerprint from central.patterns limit 1",
  );
  const { rows: consumers } = await central.pool.query<{ id: string }>(
    `insert into central.consumers (id, version, host, last_seen_at)
     values (gen_random_uuid(), '1.0.0', 'here', clock_timestamp()) returning id::text as id`,
  );
  const action = await recordAction(central.pool, {
    kind: "job-run",
    request: { actor: "test@host", reason: "a sample" },
    selection: { job: "assign-tasks-every-2min" },
    work: async ({ id }) => id,
    failureOf: () => undefined,
  });
  const queue = patterns;
  return {
    "/queues/{queue}/{source}": { params: { queue, source } },
    "/patterns/{fingerprint}": { params: { fingerprint: learned[0]?.fingerprint ?? "" } },
    "/agents/{agent}": { params: { agent: "agent-1" } },
    "/sessions/{source}/{id}": { params: { source, id: "session-1" } },
    "/messages/{source}/{queue}/{msgId}": { params: { source, queue, msgId } },
    "/consumers/{id}": { params: { id: consumers[0]?.id ?? "" } },
    "/jobs/{source}/{job}": { params: { source, job: "assign-tasks-every-2min" } },
    "/alerts/{name}": { params: { name: "CentralCloudDeadLetters" } },
    "/dead-letters/groups/{fingerprint}": { params: { fingerprint: group } },
    "/dead-letters/{source}/{queue}/{id}": { params: { source, queue, id: letter } },
    "/dead-letters/{source}/{queue}/{id}/edit": { params: { source, queue, id: letter } },
    "/actions/new": { query: { do: "discard", queue } },
    "/actions/{id}": { params: { id: action } },
  };
}
