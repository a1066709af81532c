import type { KnowledgeEffect, PatternEffect, SessionEffect } from "./message.ts";
import type { Random } from "./random.ts";
import type { Seals } from "./seals.ts";
import {
  drawAgentId,
  drawConfidence,
  drawCount,
  drawExtra,
  drawInstant,
  writeObject,
} from "./values.ts";

/** A document that its contract accepts, and what it says. */
export interface Written<Effect> {
  readonly document: string;
  readonly effect: Effect;
}

/** What a message is about, where it is not drawn: marked agents, whom the database treats in its own way. */
export interface Marks {
  readonly agentId?: string;
  readonly sessionId?: string;
}

export function writePattern(random: Random, marks: Marks = {}): Written<PatternEffect> {
  const agent = agentOf(random, marks);
  const pattern = drawPattern(random);
  const confidence = drawConfidence(random);
  const learnedAt = drawInstant(random, 5_000);
  const document = writeObject(random, [
    ["agent_id", agent.json],
    ["pattern", pattern],
    ["confidence", confidence.json],
    ["learned_at", learnedAt.json],
    ["source", random.pick([undefined, '"chaos"', "null"])],
    drawExtra(random),
  ]);
  return {
    document,
    effect: {
      kind: "pattern",
      agentId: agent.meaning,
      pattern,
      confidence: confidence.meaning,
      learnedAt: learnedAt.meaning,
    },
  };
}

/** A few patterns that everybody sees, some that several see, and some that nobody else does. */
function drawPattern(random: Random): string {
  const frequency = random.fraction();
  if (frequency < 0.4) {
    const spelling = random.pick(["1", "1.0", "1.00"]);
    return `{"hot":${random.integer(1, 12)},"k":${spelling}}`;
  }
  if (frequency < 0.8) {
    const name = `"name":"pattern ${random.integer(1, 400)}"`;
    const rest = '"ecosystem":{"b":[1,{"c":null}],"aa":"é\\u0001\\\\/"}';
    return random.chance(0.5) ? `{${name},${rest}}` : `{ ${rest} , ${name} }`;
  }
  return `{"rare":${Math.floor(random.fraction() * 1e9)},"big":12345678901234567890,"exact":0.10}`;
}

export function writeSession(
  random: Random,
  seals: Seals,
  marks: Marks = {},
): Written<SessionEffect> {
  const agent = agentOf(random, marks);
  const session = marks.sessionId ?? `session-${random.integer(1, 300)}`;
  const confidence = drawConfidence(random);
  const syncedAt = drawInstant(random, 2_000);
  const sealed = random.chance(0.3) ? seals.pick(random) : undefined;
  const state = sealed === undefined ? drawState(random) : undefined;
  const ulid = random.pick([
    undefined,
    "",
    "01GV5PA9EQG7D82Q3Y4PKBZSYV",
    "01GV5PA9EQG7D82Q3Y4PKBZSYW",
  ]);
  const document = writeObject(random, [
    ["agent_id", agent.json],
    ["session_id", JSON.stringify(session)],
    ["session_state", state ?? random.pick([undefined, "null"])],
    ["sealed", sealed ?? random.pick([undefined, "null"])],
    ["synced_at", syncedAt.json],
    ["confidence", confidence.json],
    ["ulid", ulid === undefined ? undefined : JSON.stringify(ulid)],
    drawExtra(random),
  ]);
  return {
    document,
    effect: {
      kind: "session",
      sessionId: session,
      agentId: agent.meaning,
      confidence: confidence.meaning,
      state,
      sealed,
      ulid,
      syncedAt: syncedAt.meaning,
      document,
    },
  };
}

function drawState(random: Random): string {
  return `{"step":${random.integer(1, 99)},"ratio":${random.pick(["1", "1.0", "0.10"])},"note":"日本"}`;
}

export function writeKnowledge(random: Random, marks: Marks = {}): Written<KnowledgeEffect> {
  const agentsUpdated = drawCount(random, 40);
  const totalPatterns = drawCount(random, 100_000);
  const updatedAt = drawInstant(random, 3_000);
  const known = Array.from({ length: random.integer(0, 4) }, () => drawAgent(random, {}));
  if (marks.agentId !== undefined) known.push(drawAgent(random, marks));
  const isLeftOut = known.length === 0 && random.chance(0.5);
  const document = writeObject(random, [
    ["agents_updated", agentsUpdated.json],
    ["total_patterns", totalPatterns.json],
    ["updated_at", updatedAt.json],
    ["agents", isLeftOut ? undefined : `[${known.map(({ document }) => document).join(",")}]`],
    drawExtra(random),
  ]);
  return {
    document,
    effect: {
      kind: "knowledge",
      agentsUpdated: agentsUpdated.meaning,
      totalPatterns: totalPatterns.meaning,
      updatedAt: updatedAt.meaning,
      agents: known.map(({ effect }) => effect),
    },
  };
}

function drawAgent(random: Random, marks: Marks) {
  const agent = agentOf(random, marks);
  const patterns = drawCount(random, 500);
  const confidence = drawConfidence(random);
  const document = writeObject(random, [
    ["agent_id", agent.json],
    ["pattern_count", patterns.json],
    ["confidence", confidence.json],
  ]);
  const { meaning: agentId } = agent;
  const effect = { agentId, patternCount: patterns.meaning, confidence: confidence.meaning };
  return { document, effect };
}

function agentOf(random: Random, { agentId }: Marks): { json: string; meaning: string } {
  if (agentId === undefined) return drawAgentId(random);
  return { json: JSON.stringify(agentId), meaning: agentId };
}
