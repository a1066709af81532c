import { describe, expect, it } from "vitest";
import { type JudgeOptions, judgeMessage } from "../src/index.ts";

const options: JudgeOptions = { maxMessageBytes: 1000, requireSealed: false };
const sealed = `{"agent_id":"a","session_id":"s","synced_at":"2025-10-25T10:00:00Z","sealed":{"alg":"openpgp","key_id":"k1","data":"AAAA"}}`;
const plain = `{"agent_id":"a","session_id":"s","synced_at":"2025-10-25T10:00:00Z","session_state":{}}`;

function judgeSession(text: string | null, changes: Partial<JudgeOptions> = {}) {
  const bytes = Buffer.byteLength(text ?? "");
  return judgeMessage(
    { queue: "agent-sessions", source: { sourceId: "s" } },
    { text, bytes },
    { ...options, ...changes },
  );
}

describe("a message", () => {
  it("is refused with the contract's issues, or without a look where it is too long", async () => {
    expect(await judgeSession("{}")).toMatchObject({ accepted: false, contract: false });
    expect(await judgeSession(null)).toMatchObject({ accepted: false, contract: false });
    const large = await judgeSession(null, { maxMessageBytes: -1 });
    expect(large).toMatchObject({ accepted: false, contract: null, issues: [] });
  });

  it("that is sealed is accepted when its seal opens, and not known where no key is given", async () => {
    expect(await judgeSession(sealed)).toMatchObject({ accepted: null, contract: true });
    const opens = await judgeSession(sealed, { checkSeal: async () => undefined });
    expect(opens).toMatchObject({ accepted: true, note: null });
    const broken = await judgeSession(sealed, { checkSeal: async ({ key_id }) => `no ${key_id}` });
    expect(broken).toMatchObject({ accepted: false, contract: true, note: "no k1" });
  });

  it("in plain is accepted unless sealing is required", async () => {
    expect(await judgeSession(plain)).toMatchObject({ accepted: true });
    expect(await judgeSession(plain, { requireSealed: true })).toMatchObject({ accepted: false });
  });
});
