import fc from "fast-check";

/*
 * Messages as the contracts accept them, from few agents, sessions, patterns and instants, so that
 * they collide often. Each is JSON text, written by hand where JSON.stringify would lose a digit.
 */

const agentId = fc.constantFrom('"agent-1"', '"agent-2"', '"7"', "7", '"zoë"');

const confidence = fc.oneof(
  fc.constantFrom("0", "1", "0.5", "0.50", '"0.9500"', "1e-3", '"1E-30"', "0.12345678901234567890"),
  fc.integer({ min: 0, max: 1000 }).map((thousandths) => String(thousandths / 1000)),
);

const anyInstant = fc
  .tuple(
    fc.constantFrom("2025-10-25T10:00:00", "2025-10-25T10:00:00.000001", "2024-02-29T23:59:59.5"),
    fc.constantFrom("Z", "", "+00:00", "+02:00", "-0530", "+14"),
  )
  .map(([time, offset]) => JSON.stringify(time + offset));

/** Mostly the same one, so that messages often claim the same version and something else must decide. */
const instant = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom('"2025-10-25T10:00:00Z"', '"2025-10-25T12:00:00+02:00"'),
  },
  { weight: 1, arbitrary: anyInstant },
);

const pattern = fc.oneof(
  fc.constantFrom(
    '{"k":1}',
    '{"k":1.0}',
    '{"k":1.00}',
    '{"b":[1,{"c":null}],"a":"é\\u0001\\\\"}',
    '{"a":"é\\u0001\\\\","b":[1,{"c":null}]}',
    '{"big":12345678901234567890,"exact":0.10}',
    "{}",
  ),
  fc
    .object({ maxDepth: 2, maxKeys: 3, key: word(), values: [word(), fc.integer()] })
    .map((value) => JSON.stringify(value)),
);

function word() {
  return fc.constantFrom("a", "b", "__proto__", "constructor", "", "日本", "x".repeat(40));
}

/** Optional keys may be absent, null or there. */
function optional(key: string, value: fc.Arbitrary<string>) {
  return fc.oneof(value, fc.constantFrom(undefined, "null")).map((text) => field(key, text));
}

function field(key: string, text: string | undefined): string {
  return text === undefined ? "" : `,${JSON.stringify(key)}:${text}`;
}

const extra = fc.constantFrom("", ',"extra":{"n":1e400}', ',"source":"singularity-learning"');

export const patternText = fc
  .tuple(agentId, pattern, instant, optional("confidence", confidence), extra)
  .map(
    ([agent, document, learnedAt, ...rest]) =>
      `{"agent_id":${agent},"pattern":${document},"learned_at":${learnedAt}${rest.join("")}}`,
  );

const state = fc.constantFrom(
  '"session_state":{"step":1}',
  '"session_state":{"step":1.0}',
  '"session_state":{}',
  '"session_state":{"step":2},"sealed":null',
);

export const sessionText = fc
  .tuple(
    agentId,
    fc.constantFrom('"s1"', '"s2"', "3", '"3"'),
    state,
    instant,
    optional("confidence", confidence),
    optional(
      "ulid",
      fc.constantFrom('"01GV5PA9EQG7D82Q3Y4PKBZSYV"', '"01GV5PA9EQG7D82Q3Y4PKBZSYW"', '""'),
    ),
    extra,
  )
  .map(
    ([agent, session, content, syncedAt, ...rest]) =>
      `{"agent_id":${agent},"session_id":${session},${content},"synced_at":${syncedAt}${rest.join("")}}`,
  );

const count = fc.constantFrom("0", "1", "2.0", '"3"', "4e0", '"9007199254740991"');

const knownAgent = fc
  .tuple(agentId, fc.constantFrom("1", "1.0", '"2"', "2e0"), optional("confidence", confidence))
  .map(([agent, patterns, rest]) => `{"agent_id":${agent},"pattern_count":${patterns}${rest}}`);

export const knowledgeText = fc
  .tuple(
    count,
    count,
    instant,
    optional(
      "agents",
      fc.array(knownAgent, { maxLength: 4 }).map((agents) => `[${agents.join()}]`),
    ),
    extra,
  )
  .map(
    ([updated, total, updatedAt, ...rest]) =>
      `{"agents_updated":${updated},"total_patterns":${total},"updated_at":${updatedAt}${rest.join("")}}`,
  );
