import type { Answers } from "@centralcloud/service";
import { ConfigurationError } from "@centralcloud/service";
import type { AskOptions } from "./ask-sources.ts";
import { askCentral } from "./central.ts";
import type { Page, PageRequest } from "./page.ts";

/* What the fleet has learned, as the central store has it. */

/** A pattern that the central store knows. Counts and confidences in decimal digits, times in UTC with microseconds. */
export interface PatternHead {
  /** In hexadecimal digits. */
  readonly fingerprint: string;
  readonly observationCount: string;
  readonly agentCount: number;
  readonly sourceCount: number;
  readonly confidenceMax: string;
  /** Rounded to six places. */
  readonly confidenceMean: string;
  readonly firstLearnedAt: string;
  readonly lastLearnedAt: string;
  /** Whether it is one of `central.consensus_patterns`: of three sources or more, with a mean confidence of 0.95 or more. */
  readonly isConsensus: boolean;
  /** Its JSON text; null where it is longer than was asked for. Contents: mask them. */
  readonly pattern: string | null;
}

export interface PatternsRequest extends PageRequest {
  /** Only those that the sources agree on. */
  readonly consensus?: boolean;
  /** Longer patterns are left out, in bytes; 0: none is read. Default 2,048. */
  readonly patternBytes?: number;
}

const instant = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const isConsensus = "(p.source_count >= 3 and p.confidence_mean >= 0.95)";

/** @param bytes a parameter: how long a pattern may be. */
const patternColumns = (bytes: string) => `
  encode(p.fingerprint, 'hex') as fingerprint, p.observation_count::text as "observationCount",
  p.agent_count as "agentCount", p.source_count as "sourceCount", p.confidence_max::text as "confidenceMax",
  round(p.confidence_mean, 6)::text as "confidenceMean", ${instant("p.first_learned_at")} as "firstLearnedAt",
  ${instant("p.last_learned_at")} as "lastLearnedAt", ${isConsensus} as "isConsensus",
  case when ${bytes} > 0 and octet_length(p.pattern::text) <= ${bytes} then p.pattern::text end as pattern`;

/**
 * Patterns by how many sources have seen them, and then by how often they were observed. Those of three sources or more
 * come from an index; only a page that has room for others searches all of them.
 *
 * @throws {ConfigurationError} where `after` is not what a page ended with.
 */
export async function readPatterns(
  url: string,
  options: AskOptions,
  { limit, after, consensus = false, patternBytes = 2_048 }: PatternsRequest,
): Promise<Answers<Page<PatternHead>>> {
  const place = after === undefined ? undefined : decodePlace(after);
  return await askCentral(url, options, async (central) => {
    const read = async (condition: string, count: number) => {
      const { rows } = await central.query<PatternHead>(
        `select ${patternColumns("$5")}
           from central.patterns p
          where ${condition}
            and ($1::integer is null
                 or (p.source_count, p.observation_count, p.fingerprint) < ($1, $2::bigint, decode($3, 'hex')))
          order by p.source_count desc, p.observation_count desc, p.fingerprint desc
          limit $4`,
        [...(place ?? [null, null, null]), count, patternBytes],
      );
      return rows;
    };
    const shared = await read(
      `p.source_count >= 3${consensus ? " and p.confidence_mean >= 0.95" : ""}`,
      limit + 1,
    );
    const left = limit + 1 - shared.length;
    const others = consensus || left <= 0 ? [] : await read("p.source_count < 3", left);
    const found = [...shared, ...others];
    const rows = found.slice(0, limit);
    const last = found.length > limit ? rows.at(-1) : undefined;
    return { rows, next: last === undefined ? null : encodePlace(last) };
  });
}

type PatternPlace = readonly [sourceCount: number, observationCount: string, fingerprint: string];

function encodePlace({ sourceCount, observationCount, fingerprint }: PatternHead): string {
  const place: PatternPlace = [sourceCount, observationCount, fingerprint];
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/** @throws {ConfigurationError} */
function decodePlace(text: string): PatternPlace {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    const [sources, observations, fingerprint] = Array.isArray(value) ? value : [];
    const isPlace =
      Number.isSafeInteger(sources) &&
      typeof observations === "string" &&
      /^\d{1,18}$/.test(observations) &&
      typeof fingerprint === "string" &&
      /^[0-9a-f]{64}$/.test(fingerprint);
    if (isPlace) return [sources as number, observations, fingerprint];
  } catch {
    // The reason would speak of JSON, of which whoever passed the cursor knows nothing.
  }
  throw new ConfigurationError(["error: the cursor is not one that a list ended with"]);
}

/** Who has seen a pattern: one agent of a source. */
export interface PatternAgent {
  readonly source: string;
  readonly sourceId: string;
  readonly agentId: string;
  readonly observationCount: string;
  readonly lastLearnedAt: string;
}

export interface PatternDetails extends PatternHead {
  /** Those that have observed it most often come first. */
  readonly agents: readonly PatternAgent[];
  /** By source, the one with the most observations first. */
  readonly sources: readonly {
    readonly source: string;
    readonly sourceId: string;
    readonly agentCount: number;
    readonly observationCount: string;
    readonly lastLearnedAt: string;
  }[];
}

/** Agents of a pattern that are told at most. */
const mostPatternAgents = 100;

/**
 * One pattern, with who has seen it; undefined where the store does not know it.
 *
 * @param fingerprint 64 hexadecimal digits.
 */
export async function readPattern(
  url: string,
  options: AskOptions,
  fingerprint: string,
  patternBytes = 65_536,
): Promise<Answers<PatternDetails | null>> {
  return await askCentral(url, options, async (central) => {
    const { rows } = await central.query<PatternHead>(
      `select ${patternColumns("$2")} from central.patterns p where p.fingerprint = decode($1, 'hex')`,
      [fingerprint, patternBytes],
    );
    const [head] = rows;
    if (head === undefined) return null;
    const named = `
      from central.pattern_agents a
      left join central.sources s using (source_id)
     where a.fingerprint = decode($1, 'hex')`;
    const { rows: agents } = await central.query<PatternAgent>(
      `select coalesce(s.name, a.source_id::text) as source, a.source_id::text as "sourceId", a.agent_id as "agentId",
              a.observation_count::text as "observationCount", ${instant("a.last_learned_at")} as "lastLearnedAt"
         ${named}
        order by a.observation_count desc, a.source_id, a.agent_id
        limit $2`,
      [fingerprint, mostPatternAgents],
    );
    const { rows: sources } = await central.query<PatternDetails["sources"][number]>(
      `select coalesce(s.name, a.source_id::text) as source, a.source_id::text as "sourceId",
              count(*)::integer as "agentCount", sum(a.observation_count)::text as "observationCount",
              ${instant("max(a.last_learned_at)")} as "lastLearnedAt"
         ${named}
        group by a.source_id, s.name
        order by sum(a.observation_count) desc, a.source_id`,
      [fingerprint],
    );
    return { ...head, agents, sources };
  });
}

/** What was known at the end of a day (UTC). */
export interface KnowledgeOfDay {
  /** The day: `2026-01-31T00:00:00Z`. */
  readonly at: string;
  /** Patterns that were learned for the first time that day. */
  readonly learned: number;
  /** Of those that the sources agree on today: how many had been learned by the end of that day. */
  readonly consensus: number;
}

/** What a source said that its agents know, the last that it said of a day. */
export interface SummaryOfDay {
  readonly source: string;
  readonly at: string;
  readonly totalPatterns: number;
}

export interface KnowledgeOverTime {
  /** Every day, the oldest first. */
  readonly days: readonly KnowledgeOfDay[];
  readonly summaries: readonly SummaryOfDay[];
}

/** How what the fleet has learned grew, over so many days until today. */
export async function readKnowledgeOverTime(
  url: string,
  options: AskOptions,
  days: number,
): Promise<Answers<KnowledgeOverTime>> {
  return await askCentral(url, options, async (central) => {
    const day = (column: string) => `date_trunc('day', ${column} at time zone 'UTC')`;
    const text = (column: string) => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
    const first = `${day("clock_timestamp()")} - make_interval(days => $1 - 1)`;
    const { rows } = await central.query<KnowledgeOfDay>(
      `with learned as (
         select greatest(${day("p.first_learned_at")}, ${first} - interval '1 day') as day, count(*) as learned,
                count(*) filter (where ${isConsensus}) as consensus
           from central.patterns p
          where p.first_learned_at <= clock_timestamp()
          group by 1
       ), days as (
         select d.day from generate_series(${first} - interval '1 day', ${day("clock_timestamp()")}, interval '1 day') d (day)
       )
       select ${text("t.day")} as at, t.learned::double precision as learned, t.consensus::double precision as consensus
         from (
           select d.day, coalesce(l.learned, 0) as learned,
                  sum(coalesce(l.consensus, 0)) over (order by d.day) as consensus
             from days d left join learned l using (day)
         ) t
        where t.day >= ${first}
        order by t.day`,
      [days],
    );
    const { rows: summaries } = await central.query<SummaryOfDay>(
      `select source, at, "totalPatterns"
         from (
           select distinct on (k.source_id, ${day("k.updated_at")})
                  coalesce(s.name, k.source_id::text) as source, ${text(day("k.updated_at"))} as at,
                  k.total_patterns::double precision as "totalPatterns"
             from central.knowledge_summaries k
             left join central.sources s using (source_id)
            where k.updated_at >= (${first}) at time zone 'UTC' and k.updated_at <= clock_timestamp()
            order by k.source_id, ${day("k.updated_at")}, k.updated_at desc
         ) t
        order by source, at`,
      [days],
    );
    return { days: rows, summaries };
  });
}

/** What an agent of a source knows, by the source's latest summary. */
export interface AgentHead {
  readonly source: string;
  readonly sourceId: string;
  readonly agentId: string;
  readonly patternCount: string;
  readonly confidence: string;
  readonly updatedAt: string;
}

/** Where an agent stands in the list. */
export type AgentKey = Pick<AgentHead, "sourceId" | "agentId">;

/** Agents by source and id, so that a page costs the same wherever it is. */
export async function readAgents(
  url: string,
  options: AskOptions,
  {
    source,
    agent,
    after,
    limit,
  }: { source?: string; agent?: string; after?: AgentKey; limit: number },
): Promise<Answers<readonly AgentHead[]>> {
  return await askCentral(url, options, async (central) => {
    const values: unknown[] = [];
    const add = (value: unknown) => `$${values.push(value)}`;
    const conditions = ["true"];
    // By source and then by agent, as the key of the table is.
    if (source !== undefined || agent !== undefined) {
      const isMeant =
        source === undefined ? "true" : `${add(source)} in (o.name, o.source_id::text)`;
      conditions.push(
        `k.source_id in (select o.source_id from central.sources o where ${isMeant})`,
      );
    }
    if (agent !== undefined) conditions.push(`k.agent_id = ${add(agent)}`);
    if (after !== undefined) {
      conditions.push(
        `(k.source_id, k.agent_id) > (${add(after.sourceId)}::uuid, ${add(after.agentId)}::text)`,
      );
    }
    const { rows } = await central.query<AgentHead>(
      `select coalesce(s.name, k.source_id::text) as source, k.source_id::text as "sourceId", k.agent_id as "agentId",
              k.pattern_count::text as "patternCount", k.confidence::text as confidence, ${instant("k.updated_at")} as "updatedAt"
         from central.agent_knowledge k
         left join central.sources s using (source_id)
        where ${conditions.join(" and ")}
        order by k.source_id, k.agent_id
        limit ${add(limit)}`,
      values,
    );
    return rows;
  });
}
