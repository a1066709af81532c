import fc from "fast-check";
import { type Checked, contractFor, type Issue, type QueueName, queueNames } from "../src/index.ts";

export type Fields = Record<string, unknown>;

/** The smallest message each contract accepts. */
export const minimal: Record<QueueName, Fields> = {
  "centralcloud-new-patterns": {
    agent_id: "agent-1",
    pattern: {},
    learned_at: "2025-10-25T10:00:00Z",
  },
  "agent-sessions": {
    agent_id: "agent-1",
    session_id: "session-1",
    session_state: {},
    synced_at: "2025-10-25T10:00:00Z",
  },
  "agent-knowledge-updates": {
    agents_updated: 1,
    total_patterns: 2,
    updated_at: "2025-10-25T10:00:00Z",
  },
};

export function checkText(queue: QueueName, text: string | null): Checked<unknown> {
  return contractFor(queue).check(text);
}

/** Checks the minimal message of a queue with other fields. */
export function checkWith(queue: QueueName, fields: Fields): Checked<unknown> {
  return checkText(queue, JSON.stringify({ ...minimal[queue], ...fields }));
}

/** As `checkWith`, with one field's JSON given as text: numbers that JavaScript can't write. */
export function checkWithRaw(queue: QueueName, field: string, json: string): Checked<unknown> {
  const { [field]: _, ...rest } = minimal[queue];
  return checkText(queue, `{"${field}": ${json}, ${JSON.stringify(rest).slice(1)}`);
}

export function issuesOf(checked: Checked<unknown>): Issue[] {
  return checked.ok ? [] : checked.issues;
}

export const anyQueue = fc.constantFrom(...queueNames);

const identifier = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
  fc.integer(),
  fc.constantFrom<unknown>("", null, true, {}, "😀".repeat(512), "😀".repeat(513), 1.5),
);
const confidence = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom<unknown>(
    null,
    0,
    1,
    "0.9500",
    "1.000",
    "1.0001",
    "1e-5",
    "-0",
    "1e1",
    "x",
    "",
    [],
  ),
);
const count = fc.oneof(
  fc.nat(),
  fc.constantFrom<unknown>(null, 0, -1, 1.5, 2 ** 53, "127", "5.0", "5e0", "0.5", "-1", "x", {}),
);
const timestamp = fc.oneof(
  fc
    .date({ noInvalidDate: true, min: new Date("0001-01-01"), max: new Date("9999-12-31") })
    .map((date) => date.toISOString()),
  fc.constantFrom<unknown>(null, 0, "yesterday", "2025-02-29T00:00Z", "2024-02-29T00:00+0130"),
);
const object = fc.oneof(
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })),
  fc.constantFrom<unknown>(null, [], "text", 1),
);
const text = fc.oneof(fc.string(), fc.constantFrom<unknown>(null, 1, {}, "x".repeat(513)));
const sealed = fc.oneof(
  fc.record({ alg: text, key_id: text, data: text }, { requiredKeys: [] }),
  fc.constant({ alg: "x25519-sealedbox", key_id: "k", data: "AAAA" }),
  fc.constantFrom<unknown>(null, [], "text"),
);
const agents = fc.oneof(
  fc.array(
    fc.record({ agent_id: identifier, pattern_count: count, confidence }, { requiredKeys: [] }),
  ),
  fc.constantFrom<unknown>(null, {}, [1], []),
);

const fieldsOf = {
  "centralcloud-new-patterns": {
    agent_id: identifier,
    pattern: object,
    learned_at: timestamp,
    confidence,
    source: text,
  },
  "agent-sessions": {
    agent_id: identifier,
    session_id: identifier,
    session_state: object,
    sealed,
    synced_at: timestamp,
    confidence,
    ulid: text,
  },
  "agent-knowledge-updates": {
    agents_updated: count,
    total_patterns: count,
    updated_at: timestamp,
    agents,
  },
} satisfies Record<QueueName, Record<string, fc.Arbitrary<unknown>>>;

/** Messages near the border of what contracts accept: the minimal message with some of its fields replaced. */
export const borderline = anyQueue.chain((queue) => {
  const fields: Record<string, fc.Arbitrary<unknown>> = fieldsOf[queue];
  return fc
    .subarray(Object.entries(fields), { maxLength: 2 })
    .chain((replaced) => fc.record(Object.fromEntries(replaced)))
    .map((replaced) => ({ queue, message: { ...minimal[queue], ...replaced } }));
});
