import { assertComplete, type PatternDetails, readPattern } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { recorded } from "../../acting/record.ts";
import { JsonView } from "../../kit/document.tsx";
import { Age, StatusBadge, Text, Time } from "../../kit/figures.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { RankChart } from "../../kit/rank-chart.tsx";
import { RevealForm, revealFields } from "../../kit/reveal.tsx";
import { Empty, Facts, Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { form, NotFoundError, type Params, page } from "../../routing/route.ts";
import { maskPattern, shortFingerprint } from "./patterns.tsx";

interface PatternModel {
  readonly fingerprint: string;
  /** Undefined where the central store does not answer. */
  readonly found: PatternDetails | undefined;
  readonly silent: readonly Silence[];
  readonly isRevealed: boolean;
}

const path = "/patterns/{fingerprint}";

function askedOf({ fingerprint = "" }: Params): string {
  const asked = fingerprint.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(asked)) return asked;
  throw new NotFoundError(
    "A pattern is named by its fingerprint, which has 64 hexadecimal digits.",
  );
}

function unknown(fingerprint: string): NotFoundError {
  return new NotFoundError(`The central store knows no pattern ${fingerprint}.`);
}

/** One pattern: who has seen it, how sure they are, and whether the sources agree on it. */
export const pattern = page({
  path,
  right: "look",
  section: "knowledge",
  query: {},
  title: ({ fingerprint }: PatternModel) => `Pattern ${shortFingerprint(fingerprint)}`,
  async read({ params, databases: { centralUrl, asking } }): Promise<PatternModel> {
    const fingerprint = askedOf(params);
    const asked = await readPattern(centralUrl, asking, fingerprint);
    const [found] = asked.answers;
    if (found === null) throw unknown(fingerprint);
    return {
      fingerprint,
      found: found && { ...found, pattern: maskPattern(found.pattern) },
      silent: [...asked.unreachable, ...asked.failed],
      isRevealed: false,
    };
  },
  page: (model) => <PatternPage {...model} />,
});

/** The same with its contents, once. */
export const revealPattern = form({
  path: `${path}/reveal`,
  right: "reveal",
  section: "knowledge",
  query: {},
  form: revealFields,
  async act({ params, form: { reason }, viewer, key, operator, databases: { asking } }) {
    const fingerprint = askedOf(params);
    const found = await recorded(
      { viewer, reason, key, operator, selection: { pattern: fingerprint } },
      async () => {
        const asked = await readPattern(operator.centralUrl, asking, fingerprint);
        assertComplete(asked);
        return asked.answers[0] ?? null;
      },
    );
    if (found === null) throw unknown(fingerprint);
    const model = { fingerprint, found, silent: [], isRevealed: true };
    return {
      status: 200,
      title: `Pattern ${shortFingerprint(fingerprint)}`,
      body: <PatternPage {...model} />,
    };
  },
});

function PatternPage({ fingerprint, found, silent, isRevealed }: PatternModel): VNode {
  if (found === undefined) {
    return (
      <>
        <PartialSources unreachable={silent} />
        <Empty>
          <p>What the fleet has learned is in the central store, which did not answer.</p>
        </Empty>
      </>
    );
  }
  return (
    <>
      {isRevealed && (
        <Notice tone="info" title="Contents are revealed, and that is on record">
          <p>They are shown once: who loads the page again sees them masked.</p>
        </Notice>
      )}
      <CheckResult found={found} />
      <Facts
        facts={[
          ["Fingerprint", <code key="fingerprint">{fingerprint}</code>],
          ["Observed", `${found.observationCount} times by ${found.agentCount} agents`],
          ["Confidence", `${found.confidenceMean} in the mean, ${found.confidenceMax} at most`],
          ["First learned", <Time at={found.firstLearnedAt} key="first" />],
          [
            "Last learned",
            <span key="last">
              <Time at={found.lastLearnedAt} /> (<Age at={found.lastLearnedAt} />)
            </span>,
          ],
        ]}
      />
      <RankChart
        title="How often each source has observed it"
        head="Source"
        valueHead="Observations"
        unit="count"
        rows={found.sources.map(({ source, observationCount }) => ({
          name: source,
          href: hrefTo("/queues", {}, { source }),
          value: Number(observationCount),
        }))}
        empty={<p>No source is known to have seen it.</p>}
      />
      <h2>Agents that have seen it</h2>
      <Table
        caption="Agents that have seen the pattern, those with the most observations first"
        rows={found.agents}
        keyOf={({ sourceId, agentId }) => `${sourceId} ${agentId}`}
        empty={<p>No agent is known to have seen it.</p>}
        columns={[
          {
            head: "Agent",
            cell: ({ agentId }) => (
              <a href={hrefTo("/agents/{agent}", { agent: agentId })}>
                <Text>{shorten(agentId, 80)}</Text>
              </a>
            ),
          },
          { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
          { head: "Observed", isNumber: true, cell: ({ observationCount }) => observationCount },
          {
            head: "Last learned",
            isNumber: true,
            cell: ({ lastLearnedAt }) => <Age at={lastLearnedAt} />,
          },
        ]}
      />
      <h2>{isRevealed ? "Contents" : "Contents, masked"}</h2>
      {found.pattern === null ? (
        <p>It is longer than 64 KiB, and not shown here.</p>
      ) : (
        <JsonView text={found.pattern} label="The pattern" />
      )}
      {!isRevealed && (
        <RevealForm
          action={hrefTo(`${path}/reveal`, { fingerprint })}
          what="the contents of this pattern"
        />
      )}
    </>
  );
}

/** Whether the sources agree on it, and what is missing for that. */
function CheckResult({ found }: { readonly found: PatternDetails }): VNode {
  const { isConsensus, sourceCount, confidenceMean } = found;
  if (isConsensus) {
    return (
      <p>
        <StatusBadge tone="good">agreed</StatusBadge> {sourceCount} sources agree on it.
      </p>
    );
  }
  const missing = [
    ...(sourceCount < 3 ? [`${sourceCount} of 3 sources have seen it`] : []),
    ...(Number(confidenceMean) < 0.95 ? [`its mean confidence is ${confidenceMean} of 0.95`] : []),
  ];
  return (
    <p>
      <StatusBadge tone="quiet">not agreed yet</StatusBadge> {missing.join(", and ")}.
    </p>
  );
}
