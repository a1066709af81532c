import { afterAll, beforeAll, expect, test } from "vitest";
// Its threads load what was built.
import { createSealChecker, generateKey, type SessionKey } from "../dist/index.js";
import { seal, sealByDataKey } from "./seals.ts";

let key: SessionKey;
let checker: ReturnType<typeof createSealChecker>;
beforeAll(async () => {
  key = await generateKey({ alg: "openpgp", keyId: "of-test" });
  checker = createSealChecker([key]);
  await checker.start();
});
afterAll(() => checker.stop());

const version = "2026-11-30T10:00:00Z";

function identityOf(source: string, session: string) {
  return { source, agent: "agent", session, version };
}

function content(source: string, session: string): Buffer {
  return Buffer.from(`${JSON.stringify(identityOf(source, session))}\n{}`);
}

test("a broken seal in a group is told of itself alone", async () => {
  const whole = await sealByDataKey(key, content("a", "1"));
  const broken = { ...whole, data: "AAAA" };
  // It is no text at all, which contracts keep out: what opens it throws an error that is none of its own.
  const odd = { ...whole, data: 7 as unknown as string };
  const outcomes = await Promise.allSettled([
    checker.check(whole, identityOf("a", "1")),
    checker.check(broken, identityOf("a", "1")),
    checker.check(whole, identityOf("a", "2")),
    checker.check(odd, identityOf("a", "1")),
    checker.check(whole, identityOf("a", "1")),
  ]);
  expect(outcomes).toMatchObject([
    { status: "fulfilled" },
    { reason: { code: "seal_broken" } },
    { reason: { code: "seal_misplaced" } },
    { status: "rejected" },
    { status: "fulfilled" },
  ]);
});

test("seals for a key itself and by data keys are answered, each its own", async () => {
  const one = await seal(key, content("a", "1"));
  const other = await sealByDataKey(key, content("a", "2"));
  const asked = [one, other, one, other].flatMap((sealed) =>
    ["1", "2"].map((session) => checker.check(sealed, identityOf("a", session))),
  );
  const outcomes = (await Promise.allSettled(asked)).map(({ status }) => status);
  expect(outcomes).toEqual(
    ["1", "2", "1", "2"].flatMap((sealed) =>
      ["1", "2"].map((session) => (sealed === session ? "fulfilled" : "rejected")),
    ),
  );
});

test("what waits when it stops is told that nothing was found out", async () => {
  const stopping = createSealChecker([key]);
  await stopping.start();
  const sealed = await sealByDataKey(key, content("a", "1"));
  const asked = Array.from({ length: 200 }, () => stopping.check(sealed, identityOf("a", "1")));
  const outcomes = Promise.allSettled(asked);
  await stopping.stop();
  for (const outcome of await outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason.code).toBeUndefined();
  }
  await expect(stopping.check(sealed, identityOf("a", "1"))).rejects.toThrow("was stopped");
});
