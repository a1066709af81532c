import { readSource } from "../../source.ts";
import type { CheckedDatabase } from "../check.ts";
import { error, ok, type Verdict, warning } from "../finding.ts";

/** Two sources with one identity would be one in the central store: messages of one would hide the other's. */
export async function checkSourceIdentities(
  databases: readonly CheckedDatabase[],
): Promise<{ database: CheckedDatabase; verdict: Verdict }[]> {
  const sources: { database: CheckedDatabase; sourceId: string; name: string }[] = [];
  for (const database of databases) {
    sources.push({ database, ...(await readSource(database.client)) });
  }
  return sources.map(({ database, sourceId, name }) => {
    const others = sources.filter((other) => other.database !== database);
    const twin = others.find((other) => other.sourceId === sourceId);
    if (twin !== undefined) {
      const verdict = error(
        `it has the same source_id as ${twin.database.name}: ${sourceId}`,
        "name a database once in SOURCE_DATABASE_URLS; if this is a copy that lives on by itself: " +
          "update public.singularity_source set source_id = gen_random_uuid(), name = 'a name of its own'",
      );
      return { database, verdict };
    }
    const namesake = others.find((other) => other.name === name);
    if (namesake !== undefined) {
      const remedy = "update public.singularity_source set name = 'a name of its own'";
      return {
        database,
        verdict: warning(`${namesake.database.name} is named ${name}, too`, remedy),
      };
    }
    return { database, verdict: ok(`source ${name}, ${sourceId}`) };
  });
}
