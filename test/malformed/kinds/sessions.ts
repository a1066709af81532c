import { json, sessions, valid, validFields, without, write } from "../fields.ts";
import {
  accepted,
  type Ingredients,
  invalid,
  type Kind,
  type Outcome,
  unreadable,
} from "../kind.ts";
import { oddTexts } from "./identifiers.ts";

type Seal = Readonly<Record<"alg" | "key_id" | "data", string>>;

function sealed(name: string, seal: (i: Ingredients) => string, outcome: Outcome): Kind {
  return {
    name,
    weight: 0.5,
    make: (i) => {
      const fields = without(validFields(sessions, i), "session_state");
      return { queue: sessions, body: write({ ...fields, sealed: seal(i) }), outcome };
    },
  };
}

function anySeal({ random, seals }: Ingredients): Seal {
  return JSON.parse(random.pick(seals)) as Seal;
}

function session(
  name: string,
  changes: (i: Ingredients) => Record<string, string>,
  outcome: Outcome,
): Kind {
  return {
    name,
    make: (i) => ({ queue: sessions, body: valid(sessions, i, changes(i)), outcome }),
  };
}

const parts = ["alg", "key_id", "data"] as const;
const conflict = invalid("", "conflict");

export const sessionKinds: readonly Kind[] = [
  session("neither a state nor a seal", () => ({ session_state: "null" }), conflict),
  session("both a state and a seal", (i) => ({ sealed: json(anySeal(i)) }), conflict),
  session(
    "a ulid too long",
    ({ random }) => ({ ulid: json(random.pick(["x", "語", "😀"]).repeat(513)) }),
    invalid("ulid", "wrong_length"),
  ),
  session(
    "an odd ulid",
    ({ random }) => ({ ulid: json(random.pick(["", ...oddTexts])) }),
    accepted,
  ),
  sealed("a seal that opens", (i) => i.random.pick(i.seals), accepted),
  sealed(
    "a seal that opens, with more beside it",
    (i) => json({ ...anySeal(i), note: [i.mark], toString: null }),
    accepted,
  ),
  sealed(
    "another value where a seal should be",
    ({ random }) => random.pick(["[]", '"x"', "1", "false", "[{}]"]),
    invalid("sealed", "wrong_type"),
  ),
  sealed(
    "a seal without one of its parts",
    (i) => json({ ...anySeal(i), [i.random.pick(parts)]: i.random.pick([undefined, null]) }),
    invalid(undefined, "required"),
  ),
  sealed(
    "a seal with a wrong type in one of its parts",
    (i) => json({ ...anySeal(i), [i.random.pick(parts)]: i.random.pick([1, [], {}, true]) }),
    invalid(undefined, "wrong_type"),
  ),
  sealed(
    "a seal with an empty part",
    (i) => json({ ...anySeal(i), [i.random.pick(parts)]: "" }),
    invalid(undefined, "wrong_length"),
  ),
  sealed(
    "a seal of an unknown algorithm",
    (i) => {
      const names = [
        "rot13",
        "OPENPGP",
        "none",
        "__proto__",
        "constructor",
        "toString",
        ...oddTexts,
      ];
      return json({ ...anySeal(i), alg: i.random.pick(names) });
    },
    unreadable("unknown_algorithm"),
  ),
  sealed(
    "a seal for a key that is not held",
    (i) => {
      const names = [
        "2099-01",
        "__proto__",
        "constructor",
        "toString",
        "x".repeat(1000),
        ...oddTexts,
      ];
      return json({ ...anySeal(i), key_id: i.random.pick(names) });
    },
    unreadable("key_not_held"),
  ),
  sealed(
    "a seal whose data are not base64",
    (i) => {
      const data = ["%%%", "=", "A", "AA=A", "é", "-_-_", "\u0001", "AAAA====", "😀".repeat(4)];
      return json({ ...anySeal(i), data: i.random.pick(data) });
    },
    unreadable("seal_broken"),
  ),
  sealed(
    "a seal whose data are cut, or another's",
    (i) => {
      const seal = anySeal(i);
      const other = ["AAAA", "AAAA".repeat(100), seal.data.slice(0, 16), ` ${"\n".repeat(50)}`];
      return json({ ...seal, data: i.random.pick(other) });
    },
    unreadable("seal_broken"),
  ),
  {
    ...sealed(
      "a seal with a hundred kilobytes of noise",
      (i) => {
        const noise = Array.from({ length: 2_500 }, () => i.random.pick(["AAAA", "wcFM", "/+9z"]));
        return json({ ...anySeal(i), data: noise.join("").repeat(10) });
      },
      unreadable("seal_broken"),
    ),
    weight: 0.1,
  },
];
