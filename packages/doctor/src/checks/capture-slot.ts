import {
  type CaptureCursor,
  captureName,
  findLoss,
  readCaptureCursors,
  recreateCommand,
  type Slot,
} from "@centralcloud/cdc";
import type { IdentifiedSource } from "@centralcloud/db";
import { describeBlockers, withoutSecrets } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import {
  type CheckedDatabase,
  type DatabaseCheckResult,
  type DatabaseFact,
  readRow,
} from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";
import { type KnownSource, readKnownSources, refusalsOf } from "./source-identities.ts";

/** What is asked of any slot, ours or not. */
type AnySlot = Pick<Slot, "name" | "active" | "walStatus" | "retainedBytes" | "safeBytes">;

/** More kept than this for a slot that nobody reads is worth a word. */
const worthAWord = 256 * 1024 * 1024;
const setLimit =
  "alter system set max_slot_wal_keep_size = '10GB', or what the disk can spare; then select pg_reload_conf()";

/** What the server keeps for any logical slot of the database, and the state of the slots of others. */
export async function checkSlots(database: CheckedDatabase): Promise<readonly CheckResult[]> {
  const slots = await slotsOf(database);
  if (slots.length === 0) return [];
  const checkResults = slots.filter(({ isOurs }) => !isOurs).map(judgeOther);
  const { keepLimit } = await readRow<{ keepLimit: string }>(
    database.client,
    `select current_setting('max_slot_wal_keep_size') as "keepLimit"`,
  );
  if (keepLimit === "-1") {
    const message = "max_slot_wal_keep_size is -1: a slot that nobody reads fills the disk";
    checkResults.push(warning(message, setLimit));
  }
  return checkResults;
}

/** The logical slots of a database, ours and others. */
export async function slotsOf({
  client,
  server,
  databaseName,
}: Pick<CheckedDatabase, "client" | "server" | "databaseName">): Promise<
  readonly (AnySlot & { readonly isOurs: boolean })[]
> {
  const slots = await server.query<AnySlot & { isOurs: boolean; database: string }>(
    client,
    `select s.slot_name as name, starts_with(s.slot_name, '${captureName}') as "isOurs", s.active, s.database,
            coalesce(s.wal_status, 'lost') as "walStatus",
            coalesce(pg_wal_lsn_diff(w.lsn, s.restart_lsn), 0)::float8 as "retainedBytes",
            s.safe_wal_size::float8 as "safeBytes"
       from pg_replication_slots s
      cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                              else pg_current_wal_lsn() end as lsn) w
      where s.slot_type = 'logical' and not s.temporary
      order by s.slot_name`,
  );
  return slots.filter(({ database }) => database === databaseName);
}

function judgeOther(slot: AnySlot): CheckResult {
  const drop = `select pg_drop_replication_slot('${slot.name}')`;
  if (slot.walStatus === "lost") {
    const remedy = `nothing can be read from it any more: ${drop}`;
    return error(`the slot ${slot.name} is lost: changes are missing`, remedy);
  }
  const read = `let whoever it belongs to read it, or ${drop}`;
  const problem = judgeKept(slot, read, "see whether its reader keeps up");
  return problem ?? ok(`the slot ${slot.name} is read; ${keptFor(slot)}`);
}

/** Of a source: its slot, and what is wrong with what that captures. Of the central store: what its log says. */
export type SlotFact =
  | {
      readonly side: "source";
      readonly source: IdentifiedSource;
      readonly slot: Slot | undefined;
      readonly problems: readonly CheckResult[];
    }
  | {
      readonly side: "central";
      readonly cursors: ReadonlyMap<string, CaptureCursor>;
      readonly known: readonly KnownSource[];
    };

export async function gatherSlots(database: CheckedDatabase): Promise<SlotFact> {
  const { client, side } = database;
  if (side === "central") {
    const [cursors, known] = [await readVisibleCursors(client), await readKnownSources(client)];
    return { side: "central", cursors, known };
  }
  const [source, slot] = [await database.identity(), await database.slot()];
  const problems = [
    ...(slot?.plugin === "pgoutput" ? await judgePublication(client) : []),
    ...(slot === undefined ? [] : await judgeTables(database)),
  ];
  return { side: "source", source, slot, problems };
}

/** The state of our own slot of each source: lost, read or left alone, by what the change log says, too. */
export function compareSlots(
  facts: readonly DatabaseFact<SlotFact>[],
): readonly DatabaseCheckResult[] {
  const cursors = new Map(
    facts.flatMap(({ fact }) => (fact.side === "central" ? [...fact.cursors] : [])),
  );
  const hasStore = facts.some(({ fact }) => fact.side === "central");
  const known = facts.flatMap(({ fact }) => (fact.side === "central" ? fact.known : []));
  const identified = facts.flatMap(({ database, fact }) =>
    fact.side === "central" ? [] : [{ ...fact.source, address: withoutSecrets(database.url) }],
  );
  const refused = refusalsOf(identified, new Map(known.map((one) => [one.source_id, one])));
  const addresses = new Set([...refused.keys()].map(({ address }) => address));
  return facts.flatMap(({ database, fact }) => {
    if (fact.side === "central") return [];
    const { source, slot, problems } = fact;
    // What the change log has under its id is of another database.
    const isRefused = addresses.has(withoutSecrets(database.url));
    const cursor = isRefused ? undefined : cursors.get(source.sourceId);
    const loss = findLoss(slot, cursor, source.server);
    const checkResult =
      loss !== undefined
        ? error(`changes are missing: ${loss}`, `begin anew: ${recreateCommand(source.name)}`)
        : slot === undefined
          ? ok("no changes are captured: there is no slot")
          : judge(slot, hasStore);
    return [checkResult, ...problems].map((one) => ({ database, checkResult: one }));
  });
}

/** None also for a login that may not see them: then the slot itself is all that can be judged. */
async function readVisibleCursors(
  central: ClientBase,
): Promise<ReadonlyMap<string, CaptureCursor>> {
  const { mayRead } = await readRow<{ mayRead: boolean }>(
    central,
    "select has_table_privilege('central.capture_cursors', 'select') as \"mayRead\"",
  );
  return mayRead ? await readCaptureCursors(central) : new Map();
}

/** @param hasStore whether the central store was reached: no capture reads anything without it. */
function judge(slot: Slot, hasStore: boolean): CheckResult {
  if (slot.waitsFor !== null) {
    const pids = slot.waitsFor.map(({ pid }) => pid).filter((pid) => pid > 0);
    const end = pids.map((pid) => `select pg_terminate_backend(${pid})`).join("; ");
    return warning(
      `nothing is captured yet: the slot ${slot.name} waits for ${describeBlockers(slot.waitsFor)}`,
      `let it end${end === "" ? "" : `, or: ${end}`}`,
    );
  }
  const read = hasStore
    ? "let a consumer with CDC_ENABLED=true or `centralcloud cdc run` read it, or end the capture: centralcloud cdc drop --reason …"
    : "bring the central store back first, and migrate it: nobody captures without it; a capture that runs reads on by itself then";
  const behind = "see whether its reader keeps up: centralcloud cdc status";
  const problem = judgeKept(slot, read, behind);
  if (problem !== undefined) return problem;
  const { name, plugin, lagBytes } = slot;
  const lag = `${formatBytes(lagBytes)} behind; ${keptFor(slot)}`;
  return ok(`the slot ${name} is read (${plugin}), ${lag}`);
}

function keptFor({ retainedBytes }: AnySlot): string {
  return `${formatBytes(retainedBytes)} of write-ahead log are kept for it`;
}

/** What is wrong with how much the server keeps for a slot, or that nobody reads it. */
function judgeKept(slot: AnySlot, read: string, keepUp: string): CheckResult | undefined {
  const { name, active, walStatus, retainedBytes, safeBytes } = slot;
  if (walStatus === "unreserved") {
    const message = `the slot ${name} is about to be lost: ${keptFor(slot)}, more than is allowed`;
    return error(message, read);
  }
  if (!active) return warning(`nobody reads the slot ${name}; ${keptFor(slot)}`, read);
  if (retainedBytes > worthAWord || (safeBytes !== null && safeBytes < retainedBytes)) {
    const left = safeBytes === null ? "" : `, and it is lost after ${formatBytes(safeBytes)} more`;
    return warning(`the slot ${name} is behind: ${keptFor(slot)}${left}`, keepUp);
  }
  return undefined;
}

/** Tables that can't be captured, whatever the output plugin: their changes are missing. */
async function judgeTables({ client, captured }: CheckedDatabase): Promise<readonly CheckResult[]> {
  // Null where the database is older than this build.
  const { mayAsk } = await readRow<{ mayAsk: boolean | null }>(
    client,
    `select has_function_privilege(to_regprocedure('public.examine_captured_tables(text[],text[])'), 'execute')
              as "mayAsk"`,
  );
  if (!mayAsk) return [];
  const { rows } = await client.query<{ name: string; problem: string }>(
    `select t.name, t.problem
       from public.examine_captured_tables(p_tables => $1, p_left_out => $2) t
      where t.problem is not null
      order by t.name`,
    [captured.names, captured.leftOut],
  );
  return rows.map(({ name, problem }) =>
    error(
      `changes of ${name} are not captured: ${problem}`,
      "repair that, or take the table out of CDC_TABLES; it is captured again within a second",
    ),
  );
}

async function judgePublication(client: ClientBase): Promise<readonly CheckResult[]> {
  const { mayPublish, unidentified } = await readRow<{
    mayPublish: boolean;
    /** Published tables whose updates PostgreSQL would refuse, or that have no key to be known by. */
    unidentified: readonly string[];
  }>(
    client,
    `select coalesce(has_database_privilege(to_regrole('centralcloud_owner'), current_database(), 'create'), true)
              as "mayPublish",
            array(select format('%I.%I', t.schemaname, t.tablename)
                    from pg_publication_tables t
                    join pg_class c on c.oid = format('%I.%I', t.schemaname, t.tablename)::regclass
                   where t.pubname = $1
                     and (c.relreplident = 'n'
                          or c.relreplident = 'f' and cardinality(t.attnames) < (
                               select count(*) from pg_attribute a
                                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
                          or c.relreplident = 'd' and not exists (
                               select from pg_index i
                                where i.indrelid = c.oid and i.indisprimary and i.indimmediate)))
              as unidentified`,
    [captureName],
  );
  const checkResults: CheckResult[] = [];
  if (!mayPublish) {
    const message =
      "centralcloud_owner may not create in this database, so nothing can be published";
    const remedy = "grant create on database … to centralcloud_owner";
    checkResults.push(warning(message, remedy));
  }
  for (const table of unidentified) {
    const message = `updates of ${table} fail: it is captured, and its rows can't be identified by what is published`;
    const remedy = `give it a primary key, and: alter table ${table} replica identity default`;
    checkResults.push(error(message, remedy));
  }
  return checkResults;
}

function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"] as const;
  const place = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${Math.round(bytes / 1024 ** place)} ${units[place]}`;
}
