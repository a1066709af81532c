import { type LogEntry, type LogFilter, readChangeLog } from "@centralcloud/cdc";
import {
  type ActionDetails,
  type ActionFilter,
  type ActionSummary,
  assertCentralStore,
  type DeliveryFailure,
  type FailureFilter,
  listActions,
  listDeliveryFailures,
  listReplicas,
  listSessions,
  type ReplicaReport,
  readAction,
  type SessionFilter,
  type SessionHead,
} from "@centralcloud/central";
import { withoutSecrets } from "@centralcloud/postgres";
import type { Answers } from "@centralcloud/service";
import type { Pool } from "pg";
import { type AskOptions, askDatabase } from "./ask-sources.ts";

/* What is asked of the central store alone. Where it does not answer, it is named as a source would be. */

/** Asks the central store something, within the time that it has for it. */
export function askCentral<Result>(
  url: string,
  options: AskOptions,
  ask: (central: Pool, signal: AbortSignal) => Promise<Result>,
): Promise<Answers<Result>> {
  return askDatabase(url, options, withoutSecrets(url), async (central, signal) => {
    await assertCentralStore(central);
    return await ask(central, signal);
  });
}

/** Every replica of the consumer that is known, with what it said of its lanes, faults and keys. */
export function readReplicas(
  url: string,
  options: AskOptions,
): Promise<Answers<readonly ReplicaReport[]>> {
  return askCentral(url, options, listReplicas);
}

/** What operators have done and are doing, newest first. */
export function readActions(
  url: string,
  options: AskOptions,
  filter: ActionFilter,
): Promise<Answers<readonly ActionSummary[]>> {
  return askCentral(url, options, (central) => listActions(central, filter));
}

/** One action with its parts and events; undefined where there is none of that number. */
export function readOneAction(
  url: string,
  options: AskOptions,
  id: string,
): Promise<Answers<ActionDetails | undefined>> {
  return askCentral(url, options, (central) => readAction(central, id));
}

/** Failed attempts of messages that are not decided yet, newest first. */
export function readDeliveryFailures(
  url: string,
  options: AskOptions,
  filter: FailureFilter,
): Promise<Answers<readonly DeliveryFailure[]>> {
  return askCentral(url, options, (central) => listDeliveryFailures(central, filter));
}

/** Sessions without their states and seals, by source and id. */
export function readSessionHeads(
  url: string,
  options: AskOptions,
  filter: SessionFilter,
): Promise<Answers<readonly SessionHead[]>> {
  return askCentral(url, options, (central) => listSessions(central, filter));
}

/** The sessions of that id, at most one a source, without their states and seals. */
export function readSessionsOfId(
  url: string,
  options: AskOptions,
  id: string,
): Promise<Answers<readonly SessionHead[]>> {
  return askCentral(url, options, async (central) => {
    const { rows } = await central.query<SessionHead>(
      // Source by source, because the key of a session begins with its source.
      `select o.source_id::text as "sourceId", o.name as source, s.session_id as "sessionId", s.agent_id as "agentId",
              s.confidence::text as confidence, s.ulid,
              to_char(s.synced_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "syncedAt"
         from central.sources o
         join central.agent_sessions s on s.source_id = o.source_id and s.session_id = $1
        order by o.name, o.source_id`,
      [id],
    );
    return rows;
  });
}

/** Entries of the change log, the newest that are asked for, oldest first; each says where the ones before it begin. */
export function readChanges(
  url: string,
  options: AskOptions,
  filter: LogFilter,
): Promise<Answers<readonly LogEntry[]>> {
  return askCentral(url, options, (central) => readChangeLog(central, filter));
}
