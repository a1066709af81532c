import { anyQueue, patterns, valid } from "./fields.ts";
import { accepted, type Ingredients, type Kind, type Made, stored } from "./kind.ts";
import { kinds } from "./kinds/all.ts";
import type { Random } from "./random.ts";

export interface Sent extends Made {
  /** The kind's name, or {@link wellFormed}. */
  readonly kind: string;
  readonly mark: number;
}

/** What stands among the malformed ones and must not suffer from it. */
export const wellFormed = "a well-formed message";

const wellFormedKind: Kind = {
  name: wellFormed,
  make: (i) => {
    // Half of the patterns are observed again and again, so that their sums tell of every message.
    const queue = anyQueue(i);
    if (queue === patterns && i.random.chance(0.5)) {
      const body = valid(patterns, i, { pattern: `{"shared":${i.mark % 7}}` });
      return { queue, body, outcome: accepted };
    }
    return { queue, body: valid(queue, i), outcome: queue === patterns ? stored({}) : accepted };
  },
};

/** So many malformed messages, every kind among them, and a third as many well-formed ones, well mixed. */
export function makeMessages(
  count: number,
  random: Random,
  given: Omit<Ingredients, "random" | "mark">,
): Sent[] {
  const weights = kinds.map(({ weight }) => weight ?? 1);
  const total = weights.reduce((sum, weight) => sum + weight);
  const drawn: Kind[] = kinds.flatMap((kind, at) => {
    const share = Math.floor((count * (weights[at] ?? 1)) / total);
    return Array<Kind>(Math.max(1, share)).fill(kind);
  });
  while (drawn.length < count) drawn.push(random.pick(kinds.filter(({ weight }) => !weight)));
  drawn.push(...Array<Kind>(Math.ceil(count / 3)).fill(wellFormedKind));
  return random.shuffle(drawn).map((kind, mark) => ({
    kind: kind.name,
    mark,
    ...kind.make({ ...given, random, mark }),
  }));
}
