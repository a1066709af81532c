import { type QueueName, queueNames } from "@centralcloud/contracts";
import type { DeadLetterGroup } from "@centralcloud/dead-letters";
import {
  type AgentPerformance,
  askSources,
  depthsOf,
  describeSilence,
  type KnowledgeOverTime,
  type OpenSource,
  performanceOf,
  type QueueDepth,
  type QueueRate,
  ratesOf,
} from "@centralcloud/inspect";
import type { Answers, Silence } from "@centralcloud/service";
import type { VNode } from "preact";
import { durationText } from "../../kit/figures.tsx";
import { type Choice, FilterForm, SelectField, TextField } from "../../kit/form.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { duration, GivenError, maybe, queue, several, text } from "../../routing/fields.ts";
import { optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { knowledgeDays, readKnowledge } from "../patterns/patterns.tsx";
import { DeadLetterChart, groupsForChart, largestGroups } from "./dead-letter-chart.tsx";
import { KnowledgeCharts } from "./knowledge-charts.tsx";
import { PerformanceCharts } from "./performance-charts.tsx";
import { DeliveryCharts, DepthCharts, type Span } from "./queue-charts.tsx";

interface TrendsModel {
  readonly span: Span;
  readonly rates: readonly QueueRate[];
  readonly depths: readonly QueueDepth[];
  readonly groups: readonly DeadLetterGroup[];
  readonly performance: readonly AgentPerformance[];
  /** Sources that answer, and do not let this login see how agents perform. */
  readonly closed: readonly Silence[];
  readonly knowledge: KnowledgeOverTime | undefined;
  readonly given: {
    readonly source: string | undefined;
    readonly queue: string | undefined;
    readonly for: string;
  };
  readonly silent: readonly Silence[];
}

/** Steps of one chart at most: a table of more is too long for a page. */
const mostSteps = 31;

const steps = [60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400, 7 * 86_400, 30 * 86_400];

/** Archives are searched for all of it, in seconds. */
const mostS = 31 * 86_400;

/** Seconds that a source has for all that it is asked, beside those for one question: it is asked over one connection. */
const extraS = 4;

/** The smallest step of which a span has no more than fit. */
export function stepFor(forS: number): number {
  return steps.find((step) => forS / step <= mostSteps) ?? Math.ceil(forS / mostSteps);
}

/** What everything looks like over time, on one page. */
export const trends = page({
  path: "/trends",
  right: "look",
  section: "queues",
  query: {
    source: several(text(300)),
    queue: several(queue),
    for: maybe(duration(600)).refine((forS) => forS === undefined || forS <= mostS, {
      error: "must be 31d at most; `centralcloud queues rates` tells of longer times",
    }),
    every: maybe(duration()),
  },
  title: () => "Trends",
  async read({ query, databases, shared, now }): Promise<TrendsModel> {
    const { source, queue: queues = queueNames, for: forS = 86_400, every } = query;
    const everyS = every ?? stepFor(forS);
    if (forS / everyS > mostSteps) {
      throw new GivenError([
        `every: gives more than ${mostSteps} steps; give ${stepFor(forS)}s or more`,
      ]);
    }
    const { sourceUrls, centralUrl, asking } = databases;
    const asked = { queues: queues as readonly QueueName[], forS, everyS };
    const [told, knowledge] = await Promise.all([
      askSources(
        sourceUrls,
        {
          ...{ ...asking, waitsForWork: "among-few", mostS: asking.mostS + extraS },
          ...(source === undefined ? {} : { source }),
        },
        (one) => readSource(one, asked),
      ),
      readKnowledge(shared, centralUrl),
    ]);
    const { answers } = told;
    return {
      span: { from: new Date(now.getTime() - forS * 1_000), to: now, everyS },
      rates: answers.flatMap(({ rates }) => rates),
      depths: answers.flatMap(({ depths }) => depths),
      groups: largestGroups(answers.map(({ groups }) => groups)),
      performance: answers.flatMap(({ performance }) => performance),
      closed: answers.flatMap(({ closed }) => closed),
      knowledge: knowledge.answers[0],
      given: {
        source: source?.[0],
        queue: query.queue?.[0],
        for: `${forS}s`,
      },
      silent: silencesOf([told, knowledge]),
    };
  },
  page: (model) => <TrendsPage {...model} />,
  command: ({ given, query: { for: forS = 86_400, every } }) => [
    ...["queues", "rates", ...optionsOf(given, ["source", "queue"])],
    ...["--for", `${forS}s`, "--every", `${every ?? stepFor(forS)}s`],
  ],
});

/** All that a source tells, one question after the other, so that a page takes one connection of it. */
async function readSource(
  source: OpenSource,
  asked: { readonly queues: readonly QueueName[]; readonly forS: number; readonly everyS: number },
) {
  const { forS, everyS, queues } = asked;
  const rates = await ratesOf(source, asked);
  const depths = await depthsOf(source, asked);
  const groups = await groupsForChart(
    { sources: [source], queues },
    { since: { secondsAgo: forS } },
  );
  const every = { forS, everyS: Math.max(300, everyS) };
  try {
    const performance = await performanceOf(source, every);
    return { rates, depths, groups, performance, closed: [] };
  } catch (error) {
    const { silence, isUnreachable } = describeSilence(source.name, error);
    if (isUnreachable) throw error;
    // It may keep from this login the state of its agents.
    return { rates, depths, groups, performance: [], closed: [silence] };
  }
}

/** Each database once, with the first reason that it gave. */
export function silencesOf(
  asked: readonly Pick<Answers<unknown>, "unreachable" | "failed">[],
): readonly Silence[] {
  const all = asked.flatMap(({ unreachable, failed }) => [...unreachable, ...failed]);
  const unique = new Map<string, Silence>();
  for (const one of all) if (!unique.has(one.source)) unique.set(one.source, one);
  return [...unique.values()];
}

const spans = [
  { value: "3600s", label: "the last hour" },
  { value: "21600s", label: "the last 6 hours" },
  { value: "86400s", label: "the last 24 hours" },
  { value: "604800s", label: "the last 7 days" },
  { value: "2592000s", label: "the last 30 days" },
];

/** The spans that are offered, and the one that was asked for. */
function choicesOf(asked: string): readonly Choice[] {
  if (spans.some(({ value }) => value === asked)) return spans;
  return [
    ...spans,
    { value: asked, label: `the last ${durationText(Number.parseInt(asked, 10))}` },
  ];
}

function TrendsPage(model: TrendsModel): VNode {
  const { span, rates, depths, groups, performance, closed, knowledge, given, silent } = model;
  const { from, to, everyS } = span;
  return (
    <>
      <PartialSources unreachable={silent} />
      <FilterForm action="/trends">
        <SelectField name="for" label="Over" value={given.for} choices={choicesOf(given.for)} />
        <SelectField
          name="queue"
          label="Queue"
          value={given.queue ?? ""}
          anyLabel="all queues"
          choices={queueNames.map((name) => ({ value: name, label: name }))}
        />
        <TextField name="source" label="Source" hint="empty: all sources" value={given.source} />
      </FilterForm>
      <h2>Queues</h2>
      <DeliveryCharts rates={rates} span={span} />
      <DepthCharts depths={depths} span={span} />
      <h2>Dead letters</h2>
      <div class="charts">
        <DeadLetterChart groups={groups} span={span} />
      </div>
      <h2>Agents</h2>
      <PartialSources unreachable={[]} failed={closed} />
      <PerformanceCharts
        rows={performance}
        from={from}
        to={to}
        everyS={Math.max(300, everyS)}
        whose="all agents"
      />
      <h2>Knowledge, over {knowledgeDays} days</h2>
      {knowledge === undefined ? (
        <p>The central store did not answer, so what the fleet has learned is not known here.</p>
      ) : (
        <KnowledgeCharts overTime={knowledge} now={to} />
      )}
    </>
  );
}
