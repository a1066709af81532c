import { expect, test } from "vitest";
import { compareWords, countWords, grownWords } from "../../scripts/words.mjs";

test("words that have another word in the glossary are counted, and the word of the glossary is not", () => {
  const text =
    "The letter died of it; a deadLetter, a dead-letter queue and `add-to-ring` of a key ring.";
  expect(countWords(text)).toEqual({ letter: 1, "died of": 1 });
});

test("a file that has more than its baseline fails with what to say, and one that has fewer asks to lower it", () => {
  const baseline = { "a.ts": { letter: 2 }, "b.ts": { letter: 2 } };
  const counted = { "a.ts": { letter: 3 }, "b.ts": { letter: 1 }, "new.md": { mend: 1 } };
  expect(compareWords(counted, baseline)).toEqual([
    'a.ts: "letter" 3 times, 2 allowed; say: dead letter',
    'b.ts: "letter" 1 times, 2 allowed: lower the baseline by node scripts/words.mjs --write',
    'new.md: "mend" 1 times, 0 allowed; say: repair, or: fix',
  ]);
  expect(compareWords(baseline, baseline)).toEqual([]);
});

test("the baseline follows a file that was moved, but no word may grow over all files", () => {
  const baseline = { "old.ts": { letter: 2, mend: 1 } };
  expect(grownWords({ "new.ts": { letter: 2 } }, baseline)).toEqual([]);
  expect(grownWords({ "old.ts": { letter: 2 }, "new.ts": { letter: 1 } }, baseline)).toEqual([
    '"letter": 3 in all files, 2 allowed',
  ]);
});
