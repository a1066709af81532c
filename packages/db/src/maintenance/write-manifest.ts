import { writeFileSync } from "node:fs";
import { createDatabase, dropDatabase, startEmbeddedPostgres } from "@centralcloud/embedded";
import { createClient, type Side, sides } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { manifestFileOf, stateOfBuild } from "../catalog/manifest.ts";
import { type Catalog, readCatalog } from "../catalog/read-catalog.ts";
import { migrateUncompared } from "../migrate/migrate.ts";
import { landedNameOf, landedNames } from "../migrate/side.ts";

/** Migrates empty databases on a server of its own, and writes down what they have then. */
export async function writeManifests(): Promise<void> {
  const server = await startEmbeddedPostgres({ databases: [...landedNames] });
  try {
    for (const side of sides) await writeManifest(side, server.urlOf(landedNameOf(side)));
  } finally {
    await server.stop();
  }
}

/** The same for one side on a server that there is; the database stays, as `template_singularity` or `template_central`. */
export async function writeManifestOn(serverUrl: string, side: Side): Promise<void> {
  const name = `template_${landedNameOf(side)}`;
  await dropDatabase(serverUrl, name);
  await createDatabase(serverUrl, name);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await writeManifest(side, url.href);
}

async function writeManifest(side: Side, url: string): Promise<void> {
  await migrateUncompared(side, url);
  const manifest = { ...stateOfBuild(side), objects: await readExpected(side, url) };
  writeFileSync(manifestFileOf(side), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Leaves out what depends on who migrates: the owner of pgmq's tables. */
async function readExpected(side: Side, url: string): Promise<Catalog> {
  const client = createClient(url, { applicationName: "centralcloud-generate" });
  await client.connect();
  try {
    const catalog = await readCatalog(side, client);
    const places = await readColumnPlaces(client);
    const expected = Object.keys(catalog)
      .filter((object) => !/^(role |session$)/.test(object))
      .sort()
      .map((object): [string, Record<string, string>] => {
        const facts = Object.entries(catalog[object] ?? {}).filter(
          ([property]) => property !== "owner" || !object.startsWith("table pgmq."),
        );
        const place = (property: string) => places.get(`${object} ${property}`) ?? 0;
        facts.sort(([one], [other]) => place(one) - place(other) || (one < other ? -1 : 1));
        return [object, Object.fromEntries(facts)];
      });
    return Object.fromEntries(expected);
  } finally {
    await client.end();
  }
}

/** Columns stay in the order that they have in their tables: a table is made anew with that. */
async function readColumnPlaces(client: ClientBase): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ column: string; place: number }>(
    `select format('table %I.%I column %I', n.nspname, c.relname, a.attname) as column, a.attnum as place
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid
       join pg_namespace n on n.oid = c.relnamespace
      where a.attnum > 0 and not a.attisdropped`,
  );
  return new Map(rows.map(({ column, place }) => [column, place]));
}
