import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
const folder = mkdtempSync(join(tmpdir(), "centralcloud-urls-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string | Buffer): string {
  const file = join(folder, "url");
  writeFileSync(file, content);
  return file;
}

test.each([
  ["two hosts", "postgres://u:p@one,two/singularity", "names several hosts"],
  ["a password in LATIN1", "postgres://u:%E4@one/singularity", "the password has a code"],
  ["an unkept promise", "postgres://u:p@one/s?channel_binding=require", "channel_binding is not"],
])("%s: every command ends with exit code 2 and says where", async (_, url, reason) => {
  const both = [["doctor"], ["migrate"], ["consume"], ["drain"]];
  const commands = {
    SOURCE_DATABASE_URLS: [...both, ["queues"], ["jobs"], ["scheduler"]],
    CENTRAL_DATABASE_URL: [...both, ["sessions", "show", "1"]],
  };
  for (const [name, words] of Object.entries(commands)) {
    for (const command of words) {
      const { exitCode, stderr } = await runCommand(command, {
        ...environmentOf(system),
        [name]: url,
      });
      expect({ command, exitCode, stderr }).toEqual({
        command,
        exitCode: 2,
        stderr: expect.stringMatching(new RegExp(`${name}: .*${reason}`)),
      });
    }
  }
});

test("a URL in a file works with a byte-order mark, blanks and ends of lines around it", async () => {
  const { SOURCE_DATABASE_URLS, ...environment } = environmentOf(system);
  for (const content of [
    `\ufeff${SOURCE_DATABASE_URLS}\r\n`,
    ` ${SOURCE_DATABASE_URLS} \n\n`,
    `${SOURCE_DATABASE_URLS}\u00a0`,
  ]) {
    const SOURCE_DATABASE_URLS_FILE = fileWith(content);
    expect(
      await runCommand(["queues"], { ...environment, SOURCE_DATABASE_URLS_FILE }),
    ).toMatchObject({ exitCode: 0, stderr: "" });
  }
});

test("a file in another encoding is refused by the variable's name", async () => {
  const { SOURCE_DATABASE_URLS = "", ...environment } = environmentOf(system);
  for (const content of [
    Buffer.from(`\ufeff${SOURCE_DATABASE_URLS}`, "utf16le"),
    Buffer.from(SOURCE_DATABASE_URLS, "utf16le"),
    Buffer.from("postgres://u:ä@host/d", "latin1"),
  ]) {
    const SOURCE_DATABASE_URLS_FILE = fileWith(content);
    expect(await runCommand(["queues"], { ...environment, SOURCE_DATABASE_URLS_FILE })).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringContaining(
        "SOURCE_DATABASE_URLS: the file that SOURCE_DATABASE_URLS_FILE names is not text in UTF-8",
      ),
    });
  }
});

test("a password with raw odd characters logs in", async () => {
  const login = await createLogin(inject("serverUrl"), "in role centralcloud_consumer");
  const password = "a,b@ü%$&=+'";
  try {
    await system.singularity.pool.query(
      `alter role ${login.name} password '${password.replaceAll("'", "''")}'`,
    );
    const { host, pathname } = new URL(system.singularity.url);
    const SOURCE_DATABASE_URLS = `postgres://${login.name}:${password}@${host}${pathname}`;
    const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS };
    expect(await runCommand(["queues"], environment)).toMatchObject({ exitCode: 0, stderr: "" });
  } finally {
    await dropLogin(inject("serverUrl"), login);
  }
});
