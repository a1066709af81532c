import { json, knowledge, valid } from "../fields.ts";
import { accepted, type Ingredients, invalid, type Kind, type Outcome, stored } from "../kind.ts";
import { oddTexts } from "./identifiers.ts";

function agents(name: string, draw: (i: Ingredients) => string, outcome: Outcome): Kind {
  return {
    name,
    make: (i) => ({ queue: knowledge, body: valid(knowledge, i, { agents: draw(i) }), outcome }),
  };
}

const agent = (id: string, count = "1", rest = "") =>
  `{"agent_id":${id},"pattern_count":${count}${rest}}`;

const many = (length: number, item: (at: number) => string) =>
  `[${Array.from({ length }, (_, at) => item(at)).join()}]`;

const rare = (kind: Kind): Kind => ({ ...kind, weight: 0.1 });

export const knowledgeKinds: readonly Kind[] = [
  agents("no agents", ({ random }) => random.pick(["[]", "null"]), accepted),
  agents(
    "another value where a list of agents should be",
    ({ random }) => random.pick(["{}", '"[]"', "1", "true", '{"0":{}}', '{"length":1}']),
    invalid("agents", "wrong_type"),
  ),
  agents(
    "no object where an agent should be",
    ({ random }) => {
      const wrong = random.pick(["1", "[]", '"agent"', "false", "[[]]"]);
      return `[${agent('"a"')},${wrong},${agent('"b"')}]`;
    },
    invalid("agents[1]", "wrong_type"),
  ),
  agents(
    "null where an agent should be",
    () => `[${agent('"a"')},null]`,
    invalid("agents[1]", "required"),
  ),
  agents(
    "one bad agent among many",
    ({ random }) => {
      const bad = random.pick([
        agent("[]"),
        agent('"x"', "-1"),
        agent('"x"', "1", ',"confidence":1.00000000000000000001'),
      ]);
      return `[${many(60, (at) => agent(`${at}`)).slice(1, -1)},${bad}]`;
    },
    invalid(),
  ),
  rare(
    agents(
      "thousands of bad agents",
      ({ random }) => {
        const bad = random.pick(["null", "{}", "[]", agent("{}", "[]")]);
        return many(5_000, () => bad);
      },
      invalid("", "more"),
    ),
  ),
  rare(
    agents(
      "too large an array of agents, all good",
      () => many(10_000, (at) => agent(`${at}`)),
      accepted,
    ),
  ),
  {
    name: "the same agent several times in one summary",
    make: (i) => {
      const id = json(`agent-${i.mark}`);
      const confidences = ["0.3", '"0.70"', "0.1"];
      const list = confidences.map((value) => agent(id, "2", `,"confidence":${value}`));
      const lesser = agent(id, "1", ',"confidence":1');
      const body = valid(knowledge, i, {
        agents: `[${i.random.shuffle([...list, lesser]).join()}]`,
      });
      return {
        queue: knowledge,
        body,
        outcome: stored({ agent: `agent-${i.mark}`, pattern_count: "2", confidence: "0.7" }),
      };
    },
  },
  {
    name: "one agent under several spellings of its number",
    make: (i) => {
      const id = 1_000_000 + i.mark;
      const spellings = [`${id}`, `${id}.0`, `${id}e0`, json(`${id}`)];
      const list = spellings.map((text, at) => agent(text, String(at)));
      return {
        queue: knowledge,
        body: valid(knowledge, i, { agents: `[${i.random.shuffle(list).join()}]` }),
        outcome: stored({ agent: String(id), pattern_count: "3", confidence: "0.5" }),
      };
    },
  },
  {
    name: "an agent of an odd name in a summary",
    make: (i) => {
      const name = `${i.mark} ${i.random.pick(["__proto__", ...oddTexts])}`;
      return {
        queue: knowledge,
        body: valid(knowledge, i, { agents: `[${agent(json(name), '"4e0"')}]` }),
        outcome: stored({ agent: name, pattern_count: "4", confidence: "0.5" }),
      };
    },
  },
];
