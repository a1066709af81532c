import { createHash } from "node:crypto";
import type { Browser, TestConsole } from "./console.ts";

/*
 * People with a token and rights of their own, for a console that several sign in to.
 */

/** What one of them signs in with. */
export const tokenOf = (name: string) => `token of ${name}, which is too long to be guessed`;

/** The environment of a console that these people may sign in to. @param roles by name: a role, or a list of rights. */
export function peopleWith(roles: Readonly<Record<string, string>>): Record<string, string> {
  const lines = Object.entries(roles).map(([name, role]) => {
    return `${name} ${role} ${createHash("sha256").update(tokenOf(name)).digest("hex")}`;
  });
  return { CONSOLE_AUTH: "token", CONSOLE_TOKENS: lines.join("\n") };
}

/** The browser of one of them, signed in. */
export async function signInAs(console: TestConsole, name: string): Promise<Browser> {
  const browser = console.browser();
  await browser.post("/login", { token: tokenOf(name), to: "/" });
  return browser;
}
