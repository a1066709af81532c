import fc from "fast-check";
import { expect, it } from "vitest";
import { issueCodes, maxIssues } from "../src/index.ts";
import { anyQueue, borderline, checkText } from "./messages.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.json().map((text) => JSON.stringify(text)),
  fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE-+\\u \ud800tfn') }),
  borderline.map(({ message }) => JSON.stringify(message)),
);

it("checking never throws, whatever the text, and its answer is complete", () => {
  fc.assert(
    fc.property(anyQueue, anyText, (queue, text) => {
      const checked = checkText(queue, text);
      if (checked.ok) {
        expect(JSON.parse(checked.document)).toEqual(checked.value);
        return;
      }
      expect(checked.issues.length).toBeGreaterThan(0);
      expect(checked.issues.length).toBeLessThanOrEqual(maxIssues);
      for (const { code, message } of checked.issues) {
        expect(issueCodes).toContain(code);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 2000 },
  );
});

it("an accepted document is the text itself", () => {
  let accepted = 0;
  fc.assert(
    fc.property(borderline, fc.constantFrom("", " ", "\n\t"), ({ queue, message }, space) => {
      const text = space + JSON.stringify(message, null, space) + space;
      const checked = checkText(queue, text);
      if (!checked.ok) return;
      accepted += 1;
      expect(checked.document).toBe(text);
      expect(checked.value).toEqual(JSON.parse(text));
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(100);
});

it("unknown keys never change the check result", () => {
  const extra = fc.dictionary(
    fc.oneof(
      fc.string().map((key) => `x-${key}`),
      fc.constantFrom("__proto__", "constructor", "toString", "valueOf", "hasOwnProperty"),
    ),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(borderline, extra, ({ queue, message }, more) => {
      const body = JSON.stringify(message).slice(1);
      const keys = JSON.stringify(more).slice(0, -1);
      const extended = keys + (keys === "{" || body === "}" ? "" : ",") + body;
      const [plain, checked] = [checkText(queue, `{${body}`), checkText(queue, extended)];
      expect(checked.ok).toBe(plain.ok);
      if (!checked.ok) expect(checked).toEqual(plain);
    }),
    { numRuns: 1000 },
  );
});

it("encoding a message twice changes neither the check result nor the document", () => {
  fc.assert(
    fc.property(borderline, ({ queue, message }) => {
      const text = JSON.stringify(message);
      expect(checkText(queue, JSON.stringify(text))).toEqual(checkText(queue, text));
    }),
    { numRuns: 1000 },
  );
});

it("an issue never tells a value or an unknown key of the message", () => {
  const secret = "s3cr3t";
  const leaf = fc.constantFrom<unknown>(secret, [secret], { [secret]: secret }, null, 1);
  const names =
    "agent_id session_id session_state sealed alg key_id data synced_at confidence ulid agents pattern " +
    "pattern_count agents_updated total_patterns updated_at learned_at source";
  const key = fc.constantFrom(secret, ...names.split(" "));
  const value = fc.oneof(leaf, fc.dictionary(key, leaf), fc.array(fc.dictionary(key, leaf)));
  fc.assert(
    fc.property(anyQueue, fc.dictionary(key, value), fc.nat(3), (queue, message, encoding) => {
      let text = JSON.stringify(message);
      if (encoding === 1) text = JSON.stringify(text);
      if (encoding === 2) text = text.slice(0, -1);
      if (encoding === 3) text = JSON.stringify(text.slice(0, -1));
      const checked = checkText(queue, text);
      if (!checked.ok) expect(JSON.stringify(checked.issues)).not.toContain(secret);
    }),
    { numRuns: 2000 },
  );
});
