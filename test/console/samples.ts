import type { Route } from "@centralcloud/console";
import { groupDeadLetters, recordAction } from "@centralcloud/dead-letters";
import { drainAll, queuesOf } from "../support/consumer.ts";
import type { TestSystem } from "../support/databases.ts";
import { patterns, putDeadLetter, scopeOf, sourceOf } from "../support/dead-letters.ts";
import { patternMessage } from "../support/messages.ts";

/** How a route is asked in a healthy system, for tests that walk all of them. */
export interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
}

/** By path; a route whose path has no variables and whose query needs nothing has none. */
export type Samples = Readonly<Record<string, Sample>>;

/** What a source decides itself. */
export interface SourceTexts {
  readonly agent: string;
  readonly session: string;
  /** Of a dead letter: its reason, its error's code and text; and of values within messages. */
  readonly reason: string;
  readonly text: string;
}

const plain: SourceTexts = {
  agent: "agent-1",
  session: "session-1",
  reason: "invalid",
  text: "confidence must be between 0 and 1",
};

/** Puts into both databases what there is to show, and says where each of it is. */
export async function prepareSamples(
  system: TestSystem,
  { agent, session, reason, text }: SourceTexts = plain,
): Promise<Samples> {
  const { singularity, central } = system;
  const { name: source } = await sourceOf(singularity);
  const [msgId = ""] = [
    await queuesOf(system).send(patterns, patternMessage({ agent_id: agent, note: text })),
  ].map(String);
  const state = { session_state: { step: 1, [text]: text }, synced_at: "2025-10-25T10:00:00Z" };
  await queuesOf(system).send(
    "agent-sessions",
    JSON.stringify({ agent_id: agent, session_id: session, ...state }),
  );
  await drainAll(system);
  const deadLetter = await putDeadLetter(singularity, {
    original: patternMessage({ agent_id: agent, [text]: text, confidence: 2 }),
    reason,
    error: text,
    ...(text === plain.text
      ? {}
      : { code: text, originalHeaders: JSON.stringify({ [text]: text }) }),
  });
  const found = await groupDeadLetters(await scopeOf(system), {}, { limit: 1 });
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
    request: { actor: "test@host", reason: text === plain.text ? "a sample" : text },
    selection: { job: "assign-tasks-every-2min" },
    work: async ({ id }) => id,
    failureOf: () => undefined,
  });
  const queue = patterns;
  return {
    "/queues/{queue}/{source}": { params: { queue, source } },
    "/patterns/{fingerprint}": { params: { fingerprint: learned[0]?.fingerprint ?? "" } },
    "/agents/{agent}": { params: { agent } },
    "/sessions/{source}/{id}": { params: { source, id: session } },
    "/messages/{source}/{queue}/{msgId}": { params: { source, queue, msgId } },
    "/consumers/{id}": { params: { id: consumers[0]?.id ?? "" } },
    "/jobs/{source}/{job}": { params: { source, job: "assign-tasks-every-2min" } },
    "/alerts/{name}": { params: { name: "CentralCloudDeadLetters" } },
    "/dead-letters/groups/{fingerprint}": { params: { fingerprint: group } },
    "/dead-letters/{source}/{queue}/{id}": { params: { source, queue, id: deadLetter } },
    "/dead-letters/{source}/{queue}/{id}/edit": { params: { source, queue, id: deadLetter } },
    "/actions/new": { query: { do: "discard", queue } },
    "/actions/{id}": { params: { id: action } },
  };
}

/** How a route is asked, with its sample where it has one. */
export function urlOf(route: Route, samples: Samples): string {
  const sample = samples[route.path];
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(sample?.params?.[name] ?? "none"),
  );
  const query = new URLSearchParams();
  for (const [name, given] of Object.entries(sample?.query ?? {})) {
    for (const value of [given].flat()) query.append(name, value);
  }
  const search = query.toString();
  return `${path}${search === "" ? "" : `?${search}`}`;
}
