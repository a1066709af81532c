import { findSlot } from "@centralcloud/cdc";
import { readCatalogState, readRecords, readServerFacts, readSource } from "@centralcloud/db";
import {
  adviceOn,
  createClient,
  DatabaseUnreachableError,
  messageOf,
  type Side,
  withoutSecrets,
} from "@centralcloud/postgres";
import { mapInTurn, NoAnswerError, Stragglers, watchAnswer } from "@centralcloud/service";
import { readSessionKeys } from "@centralcloud/session-keys";
import type pg from "pg";
import type { CapturedNames, CheckedDatabase, Extension } from "./check.ts";
import { slotsOf } from "./checks/capture-slot.ts";
import { comparingChecks } from "./checks.ts";
import { measureClock } from "./clock-offset.ts";
import { compare, type Examination, examine, HeldUpError } from "./examine.ts";
import { error, type Finding } from "./finding.ts";
import { type DoctorLimits, defaultLimits } from "./limits.ts";
import { CheckedServers } from "./server.ts";

export interface DoctorOptions {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
  /** The queues that each source should have. */
  readonly queues: readonly string[];
  /** Connections that a replica may have open to each source, and to the central store; default 12 and 9. */
  readonly connectionsPerReplica?: Readonly<Record<Side, number>>;
  readonly limits?: Partial<DoctorLimits>;
  /** What a capture captures; default nothing, and then its tables are not looked at. */
  readonly captured?: CapturedNames;
  /** The names of the checks to make; default all. */
  readonly checks?: readonly string[];
  /** Is told how many of the databases have been looked at. */
  readonly onExamined?: (done: number, total: number) => void;
}

/** Databases that are looked at at the same time; one that does not answer within a second delays no other. */
const turns = { limit: 8, answerTimeoutMs: 1_000 };

/** Of a replica with the default configuration and one source. */
const defaultConnections: Readonly<Record<Side, number>> = { source: 12, central: 9 };

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** One for each database that can't be reached, or held up all others; each is a finding, too. */
  readonly unreachable: readonly DatabaseUnreachableError[];
}

/** Looks at every database, changes nothing, and says what is well and what is not. */
export async function diagnose(options: DoctorOptions): Promise<Diagnosis> {
  const targets = targetsOf(options);
  const findings: Finding[] = [];
  const unreachable: DatabaseUnreachableError[] = [];
  const examinations: Examination[] = [];
  const servers = new CheckedServers();
  const stragglers = new Stragglers(targets.length);
  let examined = 0;
  await mapInTurn(targets, turns, async (target, answered) => {
    const { url, name: database } = target;
    const client = createClient(url, {
      applicationName: "centralcloud-doctor",
      anyDatabase: true,
      // Nothing that it asks is worth compiling.
      sessionSettings: { jit: "off" },
    });
    const { databaseS } = { ...defaultLimits, ...options.limits };
    const overdue = new AbortController();
    const began = performance.now();
    let heldUp: DatabaseUnreachableError | undefined;
    const limits = {
      mostMs: 1_000 * databaseS,
      isStraggler: (elapsedMs: number) => stragglers.isStraggler(elapsedMs),
    };
    const stopWatch = watchAnswer(limits, (elapsedMs, holdsUpOthers) => {
      const cause = holdsUpOthers
        ? new HeldUpError(elapsedMs / 1_000)
        : new NoAnswerError(`within ${databaseS} seconds`);
      if (holdsUpOthers) heldUp = new DatabaseUnreachableError(url, cause);
      overdue.abort(cause);
      client.cut();
    });
    try {
      await client.connect();
      const place = await servers.of(target.side, client);
      answered();
      const database = checkedDatabase(target, client, place, options);
      examinations.push(await examine(database, place.facts.isMigrated, overdue.signal));
      if (heldUp !== undefined) unreachable.push(heldUp);
      if (overdue.signal.aborted) stragglers.failed();
      else stragglers.answered(performance.now() - began);
    } catch (fault) {
      stragglers.failed();
      const cause = overdue.signal.aborted ? overdue.signal.reason : fault;
      unreachable.push(new DatabaseUnreachableError(url, cause));
      const checkResult = error(`it can't be reached: ${messageOf(cause)}`, adviceOn(cause));
      const why = "nothing that needs it works";
      findings.push({ check: "reachable", database, why, ...checkResult });
    } finally {
      stopWatch();
      await client.end().catch(() => {});
      examined += 1;
      options.onExamined?.(examined, targets.length);
    }
  });
  const order = new Map(targets.map(({ name }, index) => [name, index]));
  const placeOf = (name: string) => order.get(name) ?? targets.length;
  examinations.sort((one, other) => placeOf(one.database.name) - placeOf(other.database.name));
  findings.push(...examinations.flatMap((examination) => examination.findings));
  findings.push(...comparingChecks.flatMap((check) => compare(check, examinations)));
  findings.sort((one, other) => placeOf(one.database) - placeOf(other.database));
  return { findings, unreachable };
}

interface Target {
  readonly side: Side;
  readonly url: string;
  readonly name: string;
}

/** Every database that is looked at, by the name that findings have for it. */
export function targetsOf({ sourceUrls, centralUrl }: DoctorOptions): readonly Target[] {
  const target = (side: Side, url: string) => {
    return { side, url, name: `${side} ${withoutSecrets(url)}` };
  };
  return [...sourceUrls.map((url) => target("source", url)), target("central", centralUrl)];
}

function checkedDatabase(
  { side, url, name }: Target,
  client: pg.Client,
  place: Pick<CheckedDatabase, "server" | "facts">,
  { queues, connectionsPerReplica, limits, captured, checks }: DoctorOptions,
): CheckedDatabase {
  const { server, facts } = place;
  const { databaseName, databaseOid } = facts;
  const source = once(() => readSource(client));
  // What a server says of itself is the same for all its databases.
  const serverFacts = async () => ({
    ...(await server.ask("server facts", () => readServerFacts(client))),
    databaseOid,
  });
  return {
    side,
    url,
    name,
    client,
    ...place,
    databaseName,
    queues,
    connectionsPerReplica: (connectionsPerReplica ?? defaultConnections)[side],
    limits: { ...defaultLimits, ...limits },
    captured: captured ?? { names: [], leftOut: [] },
    isWanted: (check) => checks?.includes(check) ?? true,
    // Apart, so that a table that is locked keeps no more from being told than what is in it.
    records: once(() => readRecords(side, client)),
    state: once(() => readCatalogState(side, client)),
    clock: once(() => measureClock(client)),
    source,
    identity: once(async () => ({ ...(await source()), server: await serverFacts() })),
    keys: once(() => readSessionKeys(client)),
    slot: once(async () => {
      const slots = await slotsOf({ client, server, databaseName });
      return slots.length === 0 ? undefined : await findSlot(client);
    }),
    extensions: once(() => readExtensions(client)),
  };
}

async function readExtensions(client: pg.Client): Promise<ReadonlyMap<string, Extension>> {
  const { rows } = await client.query<Extension>(
    `select e.extname as name, e.extversion as version, e.extnamespace::bigint::float8 as schema from pg_extension e`,
  );
  return new Map(rows.map((extension) => [extension.name, extension] as const));
}

/** Asks when it is first wanted, and gives everybody the one answer. */
function once<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let answer: Promise<Answer> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}
