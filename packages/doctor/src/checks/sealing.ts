import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok } from "../finding.ts";
import { offeredExtensions } from "../offered-extensions.ts";

/** Which extensions can seal sessions; a session key says which one does. */
export async function checkSealing(database: CheckedDatabase): Promise<CheckResult[]> {
  const extensions = await database.extensions();
  const usable = ["pgcrypto", "pgsodium"].flatMap((name) => extensions.get(name) ?? []);
  if (usable.length === 0) {
    return [error("neither pgcrypto nor pgsodium is installed", "create extension pgcrypto")];
  }
  const found = usable.map(({ name, version }) => `${name} ${version}`).join(" and ");
  if (extensions.has("pgsodium")) return [ok(`${found} can seal sessions`)];
  const isOffered = (await offeredExtensions(database)).has("pgsodium");
  const how = isOffered ? "create extension pgsodium" : "install it on the server";
  return [
    ok(`${found} can seal sessions (pgsodium, whose seals are shorter, is not there: ${how})`),
  ];
}
