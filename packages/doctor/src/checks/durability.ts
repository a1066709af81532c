import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

const consequences = {
  fsync: "a crash of the machine may destroy the whole database",
  full_page_writes: "a crash of the machine may leave torn pages, which no recovery repairs",
  synchronous_commit:
    "a crash of the server takes back what was told to be committed: a message could be archived whose effect is lost",
} as const;

/** Settings that let a crash take back what we have built on. */
export async function checkDurability({ facts }: CheckedDatabase): Promise<CheckResult[]> {
  const settings: Record<keyof typeof consequences, string> = {
    fsync: facts.fsync,
    full_page_writes: facts.fullPageWrites,
    synchronous_commit: facts.synchronousCommit,
  };
  const names = Object.keys(consequences) as (keyof typeof consequences)[];
  const weak = names.filter((name) => settings[name] === "off");
  if (weak.length === 0) return [ok("what is committed survives a crash")];
  const what = weak.map((name) => `${name} is off: ${consequences[name]}`).join("; ");
  const statements = weak.map((name) => `alter system set ${name} = on; `).join("");
  const elsewhere = weak.includes("synchronous_commit")
    ? "; and see that no role or database has synchronous_commit = off of its own"
    : "";
  return [warning(what, `${statements}select pg_reload_conf()${elsewhere}`)];
}
