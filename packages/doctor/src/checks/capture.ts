import { recreateCommand, type Slot } from "@centralcloud/cdc";
import { EndingClient } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

interface Settings {
  readonly version: string;
  readonly walLevel: string;
  readonly maxSlots: number;
  readonly usedSlots: number;
  readonly maxSenders: number;
  readonly superuser: boolean;
  /** Null where the server does not know the setting. */
  readonly pluginLibraries: string | null;
  /** `postmaster`: a change takes a restart. */
  readonly pluginLibrariesContext: string | null;
}

/** Whether changes can be captured from the write-ahead log, and by which output plugin. */
export async function checkCapture(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, server } = database;
  const [settings] = await server.query<Settings>(
    client,
    `select current_setting('wal_level') as "walLevel",
            split_part(current_setting('server_version'), '.', 1) as version,
            current_setting('max_replication_slots')::integer as "maxSlots",
            (select count(*)::integer from pg_replication_slots) as "usedSlots",
            current_setting('max_wal_senders')::integer as "maxSenders",
            (select r.rolsuper from pg_roles r where r.rolname = current_user) as superuser,
            current_setting('output_plugin_libraries', true) as "pluginLibraries",
            case when current_setting('output_plugin_libraries', true) is not null then (
              select s.context from pg_settings s
               where s.name = 'output_plugin_libraries') end as "pluginLibrariesContext"`,
  );
  if (settings === undefined) throw new Error("the server says nothing of its settings");
  const slot = await database.slot();
  const possible = await checkPlugin(database, settings);
  return [
    ...checkServerSettings(settings),
    slot === undefined ? possible.checkResult : judgeUsed(slot, possible),
  ];
}

function checkServerSettings({
  walLevel,
  maxSlots,
  usedSlots,
  maxSenders,
}: Settings): CheckResult[] {
  const change = (name: string, value: string) =>
    `alter system set ${name} = ${value}, then restart the server`;
  const checkResults: CheckResult[] = [];
  if (walLevel !== "logical") {
    const message = `wal_level is ${walLevel}: changes can't be captured`;
    checkResults.push(warning(message, change("wal_level", "logical")));
  }
  if (usedSlots >= maxSlots) {
    const message = `all ${maxSlots} replication slots are taken (max_replication_slots)`;
    checkResults.push(warning(message, change("max_replication_slots", String(maxSlots + 10))));
  }
  if (maxSenders === 0) {
    const message = "max_wal_senders is 0: changes can't be captured";
    checkResults.push(warning(message, change("max_wal_senders", "10")));
  }
  if (checkResults.length > 0) return checkResults;
  return [ok(`wal_level is logical, ${maxSlots - usedSlots} of ${maxSlots} slots are free`)];
}

/** What can be used, and whether wal2json surely can't. */
interface Possible {
  readonly checkResult: CheckResult;
  readonly isRefused: boolean;
}

/** What the slot uses, which another plugin can't read; and whether it can still be read by that. */
function judgeUsed({ name, plugin }: Slot, { checkResult, isRefused }: Possible): CheckResult {
  if (plugin === "wal2json" && isRefused && checkResult.severity !== "ok") {
    const message = `the slot ${name} uses wal2json, and can't be read: ${checkResult.message}`;
    return error(message, checkResult.remedy);
  }
  if (plugin === "wal2json" && isRefused) {
    const remedy = `install wal2json again, or begin anew with pgoutput: ${recreateCommand()}`;
    return error(`the slot ${name} uses wal2json, which is not installed any more`, remedy);
  }
  return ok(`the slot ${name} uses ${plugin}`);
}

async function checkPlugin(
  { client, server }: CheckedDatabase,
  settings: Settings,
): Promise<Possible> {
  const { superuser, pluginLibraries, version } = settings;
  if (!superuser) {
    const message = "pgoutput can be used; whether wal2json can be, too, only a superuser can ask";
    return { checkResult: ok(message), isRefused: false };
  }
  if (client instanceof EndingClient && client.isPooled) {
    const message =
      "pgoutput can be used; whether wal2json can be, too, can't be asked through a pooler";
    return { checkResult: ok(message), isRefused: false };
  }
  const problem = await server.ask("wal2json loads", () => tryToLoad(client, "wal2json"));
  if (problem?.code === "58P01") {
    const message = `pgoutput is used; wal2json would be, were postgresql-${version}-wal2json installed`;
    return { checkResult: ok(message), isRefused: true };
  }
  if (problem !== undefined) {
    const remedy = `install the postgresql-${version}-wal2json that fits this server, or none`;
    const message = `pgoutput is used; wal2json can't be loaded: ${problem.message}`;
    return { checkResult: warning(message, remedy), isRefused: true };
  }
  const allowed = pluginLibraries?.split(",").map((name) => name.trim());
  if (allowed !== undefined && !allowed.includes("wal2json")) {
    const apply = settings.pluginLibrariesContext === "postmaster" ? "restart" : "reload";
    const list = [...allowed.filter((name) => name !== ""), "wal2json"].join(", ");
    const checkResult = warning(
      "pgoutput is used; wal2json is installed, but output_plugin_libraries leaves it out",
      `set output_plugin_libraries = '${list}' in postgresql.conf, and ${apply} the server`,
    );
    return { checkResult, isRefused: true };
  }
  const message = "wal2json is used for a new slot, unless it is older than version 2.6";
  return { checkResult: ok(message), isRefused: false };
}

/** Loading a library into this session tells whether it is there (58P01: no such file), and does nothing else. */
async function tryToLoad(
  client: ClientBase,
  library: string,
): Promise<{ code?: string; message: string } | undefined> {
  try {
    await client.query("savepoint loading");
    await client.query(`load '${library}'`);
    return undefined;
  } catch (error) {
    await client.query("rollback to savepoint loading");
    return error as { code?: string; message: string };
  }
}
