import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";
import { offeredExtensions } from "../offered-extensions.ts";

/** Minor versions of pgmq 1 that this build is tested with. */
const oldest = 5;
const newest = 11;

interface Found {
  readonly installed: boolean;
  /** "pgmq 1.11.1, installed as SQL": written by migrate. */
  readonly comment: string | null;
  readonly headers: boolean;
}

export async function checkPgmq(database: CheckedDatabase): Promise<CheckResult[]> {
  const extension = (await database.extensions()).get("pgmq")?.version;
  const found = await readRow<Found>(
    database.client,
    `select to_regclass('pgmq.meta') is not null as installed,
            obj_description(to_regnamespace('pgmq'), 'pg_namespace') as comment,
            exists (select from pg_attribute a where a.attrelid = to_regclass('pgmq.message_record')
                       and a.attname = 'headers') as headers`,
  );
  if (!found.installed) {
    return [error("pgmq is not installed", "centralcloud migrate --only singularity")];
  }
  const version = extension ?? /^pgmq (\d+\.\d+\.\d+)/.exec(found.comment ?? "")?.[1];
  const used = `pgmq ${version ?? "of an unknown version"} is used, ${describeKind(extension, await offeredExtensions(database))}`;
  const [major = 1, minor = oldest] = (version ?? "").split(".").map(Number).filter(Boolean);
  if (!found.headers || major < 1 || (major === 1 && minor < oldest)) {
    const remedy = "install a newer pgmq on the server, then `alter extension pgmq update`";
    return [error(`${used}; it is older than 1.${oldest}`, remedy)];
  }
  if (major > 1 || minor > newest) {
    const remedy = `upgrade CentralCloud, or go back to pgmq 1.${newest}`;
    return [warning(`${used}; this build was tested up to 1.${newest}`, remedy)];
  }
  return [ok(used)];
}

function describeKind(extension: string | undefined, offered: ReadonlyMap<string, string>): string {
  if (extension !== undefined) return "as an extension";
  if (!offered.has("pgmq")) return "installed as SQL, which works the same";
  return `installed as SQL, which works the same; the server has since come to offer it as an extension`;
}
