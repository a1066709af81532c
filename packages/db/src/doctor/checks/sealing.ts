import type { CheckedDatabase } from "../check.ts";
import { error, ok, type Verdict } from "../finding.ts";

/** Which extensions can seal sessions; a session key says which one does. */
export async function checkSealing({ client }: CheckedDatabase): Promise<Verdict[]> {
  const { rows } = await client.query<{ name: string; version: string | null; offered: boolean }>(
    `select s.name, e.extversion as version, a.name is not null as offered
       from (values ('pgcrypto'), ('pgsodium')) as s (name)
       left join pg_extension e on e.extname = s.name
       left join pg_available_extensions a on a.name = s.name
      order by s.name`,
  );
  const usable = rows.filter(({ version }) => version !== null);
  if (usable.length === 0) {
    return [error("neither pgcrypto nor pgsodium is installed", "create extension pgcrypto")];
  }
  const found = usable.map(({ name, version }) => `${name} ${version}`).join(" and ");
  const pgsodium = rows.find(({ name }) => name === "pgsodium");
  if (pgsodium?.version) return [ok(`${found} can seal sessions`)];
  const how = pgsodium?.offered ? "create extension pgsodium" : "install it on the server";
  return [
    ok(`${found} can seal sessions (pgsodium, whose seals are shorter, is not there: ${how})`),
  ];
}
