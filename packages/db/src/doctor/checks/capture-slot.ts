import { type CheckedDatabase, readRow } from "../check.ts";
import { error, ok, type Verdict, warning } from "../finding.ts";

interface SlotRow {
  readonly name: string;
  readonly isOurs: boolean;
  readonly plugin: string;
  readonly active: boolean;
  readonly walStatus: string;
  readonly retainedBytes: number;
  readonly lagBytes: number;
  readonly safeBytes: number | null;
}

interface Surroundings {
  /** Megabytes; -1: nothing limits it. */
  readonly keepLimit: string;
  readonly isUnlimited: boolean;
  readonly isPublished: boolean;
  readonly mayPublish: boolean;
  /** Published tables whose updates PostgreSQL would refuse, or that have no key to be known by. */
  readonly unidentified: readonly string[];
}

/** More kept than this for a slot that nobody reads is worth a word. */
const worthAWord = 256 * 1024 * 1024;
const publication = "singularity_centralcloud_cdc";
const setLimit =
  "alter system set max_slot_wal_keep_size = '10GB', or what the disk can spare; then select pg_reload_conf()";

/** The logical slots of a database: who reads them, and what the server keeps for them. */
export async function checkCaptureSlot({ client }: CheckedDatabase): Promise<readonly Verdict[]> {
  const { rows: slots } = await client.query<SlotRow>(
    `select s.slot_name as name, s.slot_name like $1 || '%' as "isOurs", s.plugin, s.active,
            coalesce(s.wal_status, 'lost') as "walStatus",
            coalesce(pg_wal_lsn_diff(w.lsn, s.restart_lsn), 0)::float8 as "retainedBytes",
            coalesce(pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn), 0)::float8 as "lagBytes",
            s.safe_wal_size::float8 as "safeBytes"
       from pg_replication_slots s
      cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                              else pg_current_wal_lsn() end as lsn) w
      where s.database = current_database() and s.slot_type = 'logical' and not s.temporary
      order by s.slot_name`,
    [publication],
  );
  if (slots.length === 0) return [ok("no changes are captured: there is no slot")];
  const around = await readRow<Surroundings>(
    client,
    `select current_setting('max_slot_wal_keep_size') as "keepLimit",
            current_setting('max_slot_wal_keep_size') = '-1' as "isUnlimited",
            exists (select from pg_publication where pubname = $1) as "isPublished",
            coalesce(has_database_privilege(to_regrole('centralcloud_owner'), current_database(), 'create'), true)
              as "mayPublish",
            array(select t.schemaname || '.' || t.tablename
                    from pg_publication_tables t
                    join pg_class c on c.oid = format('%I.%I', t.schemaname, t.tablename)::regclass
                   where t.pubname = $1
                     and (c.relreplident = 'n'
                          or c.relreplident = 'f' and cardinality(t.attnames) < (
                               select count(*) from pg_attribute a
                                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
                          or c.relreplident = 'd' and not exists (
                               select from pg_index i where i.indrelid = c.oid and i.indisprimary)))
              as unidentified`,
    [publication],
  );
  const verdicts = slots.map((slot) => judge(slot));
  if (around.isUnlimited) {
    const message = "max_slot_wal_keep_size is -1: a slot that nobody reads fills the disk";
    verdicts.push(warning(message, setLimit));
  }
  const usesPublication = slots.some(({ isOurs, plugin }) => isOurs && plugin === "pgoutput");
  if (usesPublication) verdicts.push(...judgePublication(around));
  return verdicts;
}

function judge(slot: SlotRow): Verdict {
  const { name, isOurs, active, walStatus, retainedBytes, lagBytes, safeBytes } = slot;
  const kept = `${formatBytes(retainedBytes)} of write-ahead log are kept for it`;
  if (walStatus === "lost") {
    const remedy = isOurs
      ? "begin anew: centralcloud cdc recreate --reason …"
      : `nothing can be read from it any more: select pg_drop_replication_slot('${name}')`;
    return error(`the slot ${name} is lost: changes are missing`, remedy);
  }
  const read = isOurs
    ? "let a consumer with CDC_ENABLED=true or `centralcloud cdc run` read it, or end the capture: centralcloud cdc drop --reason …"
    : `let whoever it belongs to read it, or select pg_drop_replication_slot('${name}')`;
  if (walStatus === "unreserved") {
    return error(`the slot ${name} is about to be lost: ${kept}, more than is allowed`, read);
  }
  if (!active) return warning(`nobody reads the slot ${name}; ${kept}`, read);
  if (retainedBytes > worthAWord || (safeBytes !== null && safeBytes < retainedBytes)) {
    const left = safeBytes === null ? "" : `, and it is lost after ${formatBytes(safeBytes)} more`;
    const remedy = "see whether its reader keeps up: centralcloud cdc status";
    return warning(`the slot ${name} is behind: ${kept}${left}`, remedy);
  }
  return ok(`the slot ${name} is read (${slot.plugin}), ${formatBytes(lagBytes)} behind; ${kept}`);
}

function judgePublication(around: Surroundings): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  if (!around.isPublished) {
    const message = `the publication ${publication} is missing, and its slot can't be read without`;
    verdicts.push(error(message, "begin anew: centralcloud cdc recreate --reason …"));
  }
  if (!around.mayPublish) {
    const message =
      "centralcloud_owner may not create in this database, so nothing can be published";
    const remedy = "grant create on database … to centralcloud_owner";
    verdicts.push(warning(message, remedy));
  }
  for (const table of around.unidentified) {
    const message = `updates of ${table} fail: it is captured, and its rows can't be identified by what is published`;
    const remedy = `give it a primary key, and: alter table ${table} replica identity default`;
    verdicts.push(error(message, remedy));
  }
  return verdicts;
}

function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"] as const;
  const place = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${Math.round(bytes / 1024 ** place)} ${units[place]}`;
}
