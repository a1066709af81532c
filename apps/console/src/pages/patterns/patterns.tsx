import { maskJson } from "@centralcloud/contracts";
import {
  type KnowledgeOverTime,
  type PatternHead,
  readKnowledgeOverTime,
  readPatterns,
} from "@centralcloud/inspect";
import type { Answers, Silence } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, StatusBadge } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { RankChart } from "../../kit/rank-chart.tsx";
import { Pagination, Table } from "../../kit/table.tsx";
import type { SharedReads } from "../../reading/shared.ts";
import { flag, maybe, text, wholeOr } from "../../routing/fields.ts";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { KnowledgeCharts } from "../trends/knowledge-charts.tsx";

interface PatternsModel {
  readonly rows: readonly PatternHead[];
  readonly next: string | null;
  readonly overTime: KnowledgeOverTime | undefined;
  readonly given: {
    readonly consensus: boolean;
    readonly after?: string | undefined;
  };
  readonly silent: readonly Silence[];
  readonly now: Date;
}

/** Days that charts of knowledge show. */
export const knowledgeDays = 30;

/** How long a page of patterns is kept: those that few sources have seen take a search all of them. */
const patternsKeptMs = 15_000;

/** It is counted by the day. */
const knowledgeKeptMs = 60_000;

/** How knowledge grew: a search all patterns, once for everybody. */
export function readKnowledge(
  shared: SharedReads,
  centralUrl: string,
): Promise<Answers<KnowledgeOverTime>> {
  return shared.read(`knowledge over ${knowledgeDays} days`, knowledgeKeptMs, (asking) =>
    readKnowledgeOverTime(centralUrl, asking, knowledgeDays),
  );
}

/** A pattern is the contents of its messages, and masked as they are: of all that it says, only of which kind it is. */
export function maskPattern(pattern: string | null): string | null {
  return pattern === null ? null : maskJson(pattern, "sensitive");
}

/** What the fleet has learned: the patterns that most sources have seen. */
export const patterns = page({
  path: "/patterns",
  right: "look",
  section: "knowledge",
  query: { consensus: flag(), limit: wholeOr(1, 200, 30), after: maybe(text(1_000)) },
  title: () => "Patterns",
  async read({ query, databases: { centralUrl }, shared, now }): Promise<PatternsModel> {
    const { consensus, limit, after } = query;
    const isFirst = after === undefined;
    const [asked, overTime] = await Promise.all([
      shared.read(
        `patterns ${JSON.stringify([limit, consensus, after ?? null])}`,
        patternsKeptMs,
        (asking) => {
          const page = { limit, consensus, patternBytes: 0, ...(isFirst ? {} : { after }) };
          return readPatterns(centralUrl, asking, page);
        },
      ),
      isFirst ? readKnowledge(shared, centralUrl) : undefined,
    ]);
    const { rows, next } = asked.answers[0] ?? { rows: [], next: null };
    const silent = [asked, overTime].flatMap((one) => [
      ...(one?.unreachable ?? []),
      ...(one?.failed ?? []),
    ]);
    return {
      rows,
      next,
      overTime: overTime?.answers[0],
      given: { consensus, after },
      silent: [...new Map(silent.map((one) => [one.source, one] as const)).values()],
      now,
    };
  },
  page: (model) => <PatternsPage {...model} />,
});

/** A fingerprint in short, as rows and charts have it. */
export function shortFingerprint(fingerprint: string): string {
  return `${fingerprint.slice(0, 12)}…`;
}

function PatternsPage({ rows, next, overTime, given, silent, now }: PatternsModel): VNode {
  const { consensus, after } = given;
  const kept = { ...(consensus ? { consensus: true as const } : {}) };
  return (
    <>
      <PartialSources unreachable={silent} />
      <p>
        Sources agree on a pattern where three of them or more have seen it, with a mean confidence
        of 0.95 or more.{" "}
        {consensus ? (
          <a href="/patterns">Show all patterns</a>
        ) : (
          <a href={hrefTo("/patterns", {}, { consensus: true })}>
            Show only those that the sources agree on
          </a>
        )}
        .
      </p>
      {after === undefined && (
        <>
          <RankChart
            title="Patterns that most sources have seen"
            head="Pattern"
            valueHead="Sources"
            unit="count"
            rows={rows.slice(0, 10).map(({ fingerprint, sourceCount }) => ({
              name: shortFingerprint(fingerprint),
              href: hrefTo("/patterns/{fingerprint}", { fingerprint }),
              value: sourceCount,
            }))}
            empty={<p>No pattern is known{consensus ? " that sources agree on" : ""}.</p>}
          />
          {overTime !== undefined && <KnowledgeCharts overTime={overTime} now={now} />}
        </>
      )}
      <h2>All, by how many sources have seen them</h2>
      <Table
        caption="Patterns, those that most sources have seen first"
        rows={rows}
        keyOf={({ fingerprint }) => fingerprint}
        empty={
          silent.length > 0 ? (
            <p>The central store did not answer, so no pattern is known here.</p>
          ) : (
            <p>
              No pattern{" "}
              {consensus
                ? "has been seen by three sources with enough confidence"
                : "has been merged"}{" "}
              yet. <a href="/queues">Queues</a> says whether any waits.
            </p>
          )
        }
        columns={[
          {
            head: "Pattern",
            cell: ({ fingerprint }) => (
              <a href={hrefTo("/patterns/{fingerprint}", { fingerprint })}>
                <code>{shortFingerprint(fingerprint)}</code>
              </a>
            ),
          },
          { head: "Sources", isNumber: true, cell: ({ sourceCount }) => sourceCount },
          { head: "Agents", isNumber: true, cell: ({ agentCount }) => agentCount },
          { head: "Observed", isNumber: true, cell: ({ observationCount }) => observationCount },
          {
            head: "Mean confidence",
            isNumber: true,
            cell: ({ confidenceMean }) => confidenceMean,
          },
          {
            head: "Agreed",
            cell: ({ isConsensus }) =>
              isConsensus ? <StatusBadge tone="good">agreed</StatusBadge> : "not yet",
          },
          {
            head: "Last learned",
            isNumber: true,
            cell: ({ lastLearnedAt }) => <Age at={lastLearnedAt} />,
          },
        ]}
      />
      <Pagination
        first={after === undefined ? undefined : hrefTo("/patterns", {}, kept)}
        next={next === null ? undefined : hrefTo("/patterns", {}, { ...kept, after: next })}
      />
    </>
  );
}
