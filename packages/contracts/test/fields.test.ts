import { describe, expect, it } from "vitest";
import { queueNames } from "../src/index.ts";
import { checkText, checkWith, issuesOf, minimal } from "./messages.ts";

const patterns = "centralcloud-new-patterns";
const sessions = "agent-sessions";
const knowledge = "agent-knowledge-updates";
const sealed = { alg: "x25519-sealedbox", key_id: "k", data: "AAAA" };

describe.each(queueNames)("%s", (queue) => {
  it.each(Object.keys(minimal[queue]))("needs %s", (field) => {
    const { [field]: _, ...rest } = minimal[queue];
    expect(checkText(queue, JSON.stringify(rest)).ok).toBe(false);
    expect(checkWith(queue, { [field]: null }).ok).toBe(false);
  });

  it("takes null in an optional field for its absence", () => {
    const optional = {
      confidence: null,
      source: null,
      ulid: null,
      agents: null,
      sealed: null,
    };
    expect(issuesOf(checkWith(queue, optional))).toEqual([]);
  });

  it.each(["[]", "null", "1", "true", '""'])("is never %s", (text) => {
    expect(checkText(queue, text).ok).toBe(false);
  });
});

it("identifiers are numbers or strings of 1 to 512 characters, whatever a character takes in memory", () => {
  for (const agent_id of [0, -1, 7.5, "x", " ", "x".repeat(512), "😀".repeat(512)]) {
    expect(issuesOf(checkWith(patterns, { agent_id }))).toEqual([]);
  }
  for (const agent_id of ["", "x".repeat(513), "😀".repeat(513), true, {}, ["x"], null]) {
    expect(issuesOf(checkWith(patterns, { agent_id }))).toMatchObject([{ path: "agent_id" }]);
  }
  expect(
    checkText(patterns, JSON.stringify(minimal[patterns]).replace('"agent-1"', "1e400")).ok,
  ).toBe(false);
});

it("pattern and session_state are objects", () => {
  for (const value of [[], "text", 1, false, null]) {
    expect(issuesOf(checkWith(patterns, { pattern: value }))).toMatchObject([{ path: "pattern" }]);
    const [issue] = issuesOf(checkWith(sessions, { session_state: value }));
    expect(issue).toMatchObject({ path: value === null ? "" : "session_state" });
  }
});

it("a session holds exactly one of session_state and sealed", () => {
  const conflict = {
    path: "",
    code: "conflict",
    message: "the message must hold exactly one of session_state and sealed",
  };
  expect(issuesOf(checkWith(sessions, { session_state: null, sealed }))).toEqual([]);
  expect(issuesOf(checkWith(sessions, { sealed: null }))).toEqual([]);
  expect(issuesOf(checkWith(sessions, { sealed }))).toEqual([conflict]);
  expect(issuesOf(checkWith(sessions, { session_state: null }))).toEqual([conflict]);
  // beside other issues, too
  expect(issuesOf(checkWith(sessions, { sealed, agent_id: {}, ulid: 1 }))).toMatchObject([
    { path: "agent_id" },
    { path: "ulid" },
    conflict,
  ]);
});

it("a seal names its algorithm and key, and holds data", () => {
  const broken = { alg: "", key_id: null };
  expect(issuesOf(checkWith(sessions, { session_state: null, sealed: broken }))).toEqual([
    { path: "sealed.alg", code: "wrong_length", message: "sealed.alg must not be empty" },
    { path: "sealed.key_id", code: "required", message: "sealed.key_id must not be null" },
    { path: "sealed.data", code: "required", message: "sealed.data is missing" },
  ]);
});

it("issues in the agents of a summary name the agent and the field", () => {
  const good = { agent_id: "a", pattern_count: 1, extra: true };
  expect(issuesOf(checkWith(knowledge, { agents: [] }))).toEqual([]);
  expect(issuesOf(checkWith(knowledge, { agents: [good, { ...good, confidence: null }] }))).toEqual(
    [],
  );
  expect(issuesOf(checkWith(knowledge, { agents: {} }))).toEqual([
    { path: "agents", code: "wrong_type", message: "agents must be an array" },
  ]);
  const agents = [good, 5, { agent_id: "a", pattern_count: -1, confidence: 2 }];
  expect(issuesOf(checkWith(knowledge, { agents }))).toEqual([
    { path: "agents[1]", code: "wrong_type", message: "agents[1] must be a JSON object" },
    {
      path: "agents[2].pattern_count",
      code: "out_of_range",
      message: "agents[2].pattern_count must be a whole number from 0 to 9007199254740991",
    },
    {
      path: "agents[2].confidence",
      code: "out_of_range",
      message: "agents[2].confidence must be between 0 and 1",
    },
  ]);
});

it("of many issues the first are told and the rest are counted", () => {
  const agents = Array.from({ length: 60 }, () => 0);
  const issues = issuesOf(checkWith(knowledge, { agents }));
  expect(issues).toHaveLength(20);
  expect(issues.at(-1)).toEqual({
    path: "",
    code: "more",
    message: "the message has 41 more issues",
  });
  const countless = issuesOf(checkWith(knowledge, { agents: Array(100_000).fill(0) }));
  expect(countless).toHaveLength(20);
  expect(countless.at(-1)?.message).toBe("the message has at least 981 more issues");
});
