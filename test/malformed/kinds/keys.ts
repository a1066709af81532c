import type { KeyType } from "../../support/queue-cases/queue-case.ts";
import { queueCases } from "../../support/queue-cases.ts";
import { anyQueue, json, valid, validFields, without, write } from "../fields.ts";
import {
  accepted,
  type Ingredients,
  invalid,
  type Kind,
  type Made,
  type Outcome,
} from "../kind.ts";

/** A kind that changes one required key of a valid message. */
function ofRequiredKey(
  name: string,
  make: (key: string, i: Ingredients, queue: Made["queue"]) => { body: string; outcome: Outcome },
): Kind {
  return {
    name,
    make: (i) => {
      const queue = anyQueue(i);
      return { queue, ...make(i.random.pick(Object.keys(queueCases[queue].required)), i, queue) };
    },
  };
}

/** A kind that adds something to a valid message that means nothing. */
function beside(name: string, keys: (i: Ingredients) => string): Kind {
  return {
    name,
    make: (i) => {
      const queue = anyQueue(i);
      return { queue, body: `{${keys(i)},${valid(queue, i).slice(1)}`, outcome: accepted };
    },
  };
}

function keysOf(queue: Made["queue"]): readonly (readonly [key: string, type: KeyType])[] {
  const { required, optional } = queueCases[queue];
  return [...Object.entries(required), ...Object.entries(optional)];
}

/** Values of no use at any of our keys, but at those of a type. */
const wrongValues: readonly (readonly [json: string, useful?: readonly KeyType[]])[] = [
  ["true"],
  ["false"],
  ["[]", ["list"]],
  ["[1]"],
  ["[null]"],
  ["[[]]"],
  ["{}", ["object"]],
  ['{"a":1}', ["object"]],
  ["-1", ["identifier"]],
  ["0.5", ["identifier", "fraction"]],
  ["1e400"],
  ['"text"', ["identifier", "text"]],
  ['""', ["text"]],
];

const prototypeKeys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];

export const keyKinds: readonly Kind[] = [
  ofRequiredKey("a required key is missing", (key, i, queue) => ({
    body: write(without(validFields(queue, i), key)),
    outcome: invalid(key, "required"),
  })),
  ofRequiredKey("a required key is null", (key, i, queue) => ({
    body: valid(queue, i, { [key]: "null" }),
    outcome: invalid(key, "required"),
  })),
  {
    name: "an optional key is null",
    make: (i) => {
      const queue = anyQueue(i);
      // Where none is, one that the contract does not know.
      const [first = "extra", ...others] = Object.keys(queueCases[queue].optional);
      const key = i.random.pick([first, ...others]);
      return { queue, body: valid(queue, i, { [key]: "null" }), outcome: accepted };
    },
  },
  {
    name: "a wrong type at a key",
    weight: 4,
    make: (i) => {
      const queue = anyQueue(i);
      const [key, type] = i.random.pick(keysOf(queue));
      const wrong = wrongValues.filter(([, useful]) => useful?.includes(type) !== true);
      const [value] = i.random.pick(wrong);
      return { queue, body: valid(queue, i, { [key]: value }), outcome: invalid() };
    },
  },
  {
    name: "wrong types at every key",
    make: (i) => {
      const queue = anyQueue(i);
      const fields = keysOf(queue).map(([key]) => [key, i.random.pick(["true", "[[]]", "[1]"])]);
      return { queue, body: write(Object.fromEntries(fields)), outcome: invalid() };
    },
  },
  ofRequiredKey("a key in other characters", (key, i, queue) => {
    const fields = validFields(queue, i);
    const other = i.random.pick([key.toUpperCase(), ` ${key}`, `${key} `, key.replace("_", "-")]);
    const alike = other === key ? `${key}\u200b` : other;
    return {
      body: write({ ...without(fields, key), [alike]: fields[key] ?? "" }),
      outcome: invalid(key, "required"),
    };
  }),
  ofRequiredKey("a key written with escapes", (key, i, queue) => {
    const escaped = [...key].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("");
    return { body: valid(queue, i).replace(`"${key}"`, `"${escaped}"`), outcome: accepted };
  }),
  ofRequiredKey("a duplicate key, the bad value first", (key, i, queue) => ({
    body: `{${json(key)}:[true],${valid(queue, i).slice(1)}`,
    outcome: accepted,
  })),
  ofRequiredKey("a duplicate key, the bad value last", (key, i, queue) => ({
    body: `${valid(queue, i).slice(0, -1)},${json(key)}:[true]}`,
    outcome: invalid(key),
  })),
  beside("prototype keys beside the others", ({ random }) => {
    const value = random.pick(['{"agent_id":[],"polluted":true}', "null", "[]", '"x"']);
    return prototypeKeys.map((key) => `${json(key)}:${value}`).join();
  }),
  {
    name: "prototype keys in place of the others",
    make: (i) => {
      const queue = anyQueue(i);
      const key = i.random.pick(prototypeKeys);
      return { queue, body: `{${json(key)}:${valid(queue, i)}}`, outcome: invalid() };
    },
  },
  beside("odd unknown keys", ({ random }) =>
    random
      .shuffle(["", " ", "\u202eabc", "\uffff", "\ud83d\ude00", "\u0001", '"', "\\", "\u2028"])
      .slice(0, 4)
      .map((key) => `${json(key)}:{${json(key)}:1e400}`)
      .join(),
  ),
  { ...beside("a very long unknown key", () => `"${"k".repeat(100_000)}":1`), weight: 0.1 },
  {
    ...beside("thousands of unknown keys", () =>
      Array.from({ length: 5_000 }, (_, n) => `"k${n}":${n}`).join(),
    ),
    weight: 0.1,
  },
];
