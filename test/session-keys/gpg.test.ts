import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionKey } from "@centralcloud/session-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey } from "../support/session-keys.ts";

/*
 * A seal is two ordinary OpenPGP messages: whoever has the private key needs nothing of ours to open it. CI installs
 * GnuPG (.ci/gpg), and there it must not be missing.
 */

const system = useSystem();
failOnLeaks(system);

const isThere = spawnSync("gpg", ["--version"]).status === 0;
const isRequired = Boolean(process.env.CI) || process.env.REQUIRE_FULL_PROFILE === "true";
if (!isThere && !isRequired) console.warn("The tests with gpg were skipped: it is not installed");

test.runIf(isRequired)("gpg is there", () => expect(isThere).toBe(true));

describe.skipIf(!isThere)("gpg, which knows the exported private key,", () => {
  let home = "";
  let key: SessionKey;

  /** @param passphrase on file descriptor 3 */
  function gpg(words: readonly string[], passphrase = ""): Buffer {
    const { status, stdout, stderr } = spawnSync(
      "gpg",
      ["--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase-fd=0", ...words],
      { input: passphrase, env: { ...process.env, GNUPGHOME: home } },
    );
    if (status !== 0) throw new Error(`gpg ended with ${status}: ${stderr}`);
    return stdout;
  }

  function decrypt(base64: string, passphrase?: string): string {
    const file = join(home, "message");
    writeFileSync(file, Buffer.from(base64, "base64"));
    return gpg(["--decrypt", file], passphrase).toString();
  }

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "gpg-"));
    key = await addNewKey(system.singularity, "2026-11", { activate: true });
    writeFileSync(join(home, "key.asc"), key.privateKey, { mode: 0o600 });
    gpg(["--import", join(home, "key.asc")]);
  });
  afterAll(() => {
    // Its agent ends with its folder.
    spawnSync("gpgconf", ["--kill", "all"], { env: { ...process.env, GNUPGHOME: home } });
    rmSync(home, { recursive: true, force: true });
  });

  test.each([
    ["a short state", '{"n": 0.10}'],
    ["a state in another alphabet", '{"text": "é日本\\u0001"}'],
    ["a state of 300 kB", JSON.stringify({ text: "x".repeat(300_000) }).replace(":", ": ")],
  ])("opens %s as its message has it", async (_, state) => {
    const { pool } = system.singularity;
    await pool.query(`truncate pgmq."q_agent-sessions"`);
    await pool.query("insert into agent_sessions (agent_id, state) values ('agent-1', $1)", [
      state,
    ]);
    const { rows } = await pool.query(
      `select q.message, o.source_id as source from pgmq."q_agent-sessions" q, singularity_source o`,
    );
    const { sealed, agent_id: agent, session_id: session, synced_at } = rows[0].message;
    const dataKey = decrypt(sealed.data_key);
    expect(dataKey).toMatch(/^[0-9a-f]{64}$/);
    const [identity = "", ...lines] = decrypt(sealed.data, dataKey).split("\n");
    const version = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const named = JSON.parse(identity);
    expect(named).toEqual({ source: rows[0].source, agent, session, version });
    expect(Date.parse(named.version)).toBe(Date.parse(synced_at));
    expect(lines).toEqual([state]);
  });
});
