import type { CaptureState, CaptureStatus } from "@centralcloud/cdc";
import { recreateCommand } from "@centralcloud/cdc";
import { readCaptures } from "@centralcloud/inspect";
import { describeBlockers } from "@centralcloud/postgres";
import { type Silence, shorten, withoutContents } from "@centralcloud/service";
import type { VNode } from "preact";
import { type ChartSeries, LineChart, mostSeries } from "../../kit/chart.tsx";
import { Age, Bytes, Duration, StatusBadge, Text, type Tone } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { RankChart } from "../../kit/rank-chart.tsx";
import { Table } from "../../kit/table.tsx";
import { several, text } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { lagSeries, rememberLag } from "./lag-history.ts";

interface CaptureModel {
  readonly rows: readonly CaptureStatus[];
  readonly lags: readonly ChartSeries[];
  readonly silent: readonly Silence[];
}

/** The change capture of each source: whether somebody reads its slot, how far behind the change log is, what that keeps. */
export const capture = page({
  path: "/capture",
  right: "look",
  section: "system",
  isLive: true,
  query: { source: several(text(300)) },
  title: () => "Change capture",
  async read({ query: { source }, databases, snapshots, now }): Promise<CaptureModel> {
    const { sourceUrls, centralUrl, asking } = databases;
    const options = { ...asking, ...(source === undefined ? {} : { source }) };
    const { answers, unreachable, failed } = await readCaptures(sourceUrls, centralUrl, options);
    for (const status of answers) rememberLag(snapshots, status, now);
    const isMeant = ({ name }: ChartSeries) => answers.some((one) => one.source === name);
    return {
      rows: answers,
      lags: lagSeries(snapshots).filter(isMeant),
      silent: [...unreachable, ...failed],
    };
  },
  page: (model) => <CapturePage {...model} />,
  command: ({ given }) => ["cdc", "status", ...optionsOf(given, ["source"])],
});

const states: Readonly<Record<CaptureState, readonly [tone: Tone, words: string]>> = {
  off: ["quiet", "not captured"],
  waiting: ["warning", "waits"],
  reading: ["good", "is read"],
  unread: ["warning", "nobody reads"],
  lost: ["bad", "lost"],
  refused: ["bad", "refused"],
};

function CapturePage({ rows, lags, silent }: CaptureModel): VNode {
  const captured = rows.filter(({ state }) => state !== "off");
  const late = captured.toSorted((one, other) => (other.lagSeconds ?? 0) - (one.lagSeconds ?? 0));
  return (
    <div id="capture" data-region>
      <PartialSources unreachable={silent} />
      <Table
        caption="The change capture of each source"
        rows={rows}
        keyOf={({ sourceId, source }) => `${sourceId} ${source}`}
        toneOf={({ state }) => (states[state][0] === "bad" ? "bad" : undefined)}
        empty={<p>No source answered, so of no capture anything is known.</p>}
        columns={[
          {
            head: "Source",
            cell: ({ source }) => (
              <a href={hrefTo("/changes", {}, { source })}>
                <Text>{source}</Text>
              </a>
            ),
          },
          {
            head: "Slot",
            cell: ({ state }) => (
              <StatusBadge tone={states[state][0]}>{states[state][1]}</StatusBadge>
            ),
          },
          { head: "Behind", isNumber: true, cell: (row) => <Duration seconds={row.lagSeconds} /> },
          { head: "Not recorded", isNumber: true, cell: (row) => <Bytes value={row.lagBytes} /> },
          { head: "Log kept", isNumber: true, cell: (row) => <Bytes value={row.retainedBytes} /> },
          {
            head: "Left until lost",
            isNumber: true,
            isMinor: true,
            cell: (row) => (row.safeBytes === null ? "no limit" : <Bytes value={row.safeBytes} />),
          },
          {
            head: "Reader",
            isMinor: true,
            cell: ({ reader, seenAt }) =>
              reader === null ? (
                "none"
              ) : (
                <>
                  <Text>{shorten(reader, 60)}</Text>, <Age at={seenAt} />
                </>
              ),
          },
        ]}
      />
      <Problems rows={rows} />
      {captured.length > 0 && (
        <>
          <h2>How far behind</h2>
          <RankChart
            title="How far the change log is behind each source now"
            head="Source"
            valueHead="Behind"
            unit="seconds"
            rows={late.map(({ source, lagSeconds }) => ({ name: source, value: lagSeconds }))}
            empty={<p>Nothing is captured.</p>}
          />
          <LineChart
            title="How far it was behind, as this console has seen it"
            unit="seconds"
            series={lags.slice(0, mostSeries)}
            empty={
              <p>
                The change log was behind at no moment at which this page was looked at since the
                console started.
              </p>
            }
            note="Kept nowhere else: only while this page is open, for an hour, until the console stops. The metric centralcloud_capture_lag_seconds has it for longer."
          />
        </>
      )}
    </div>
  );
}

/** What keeps changes out of the change log, in sentences, and what to do. */
function Problems({ rows }: { readonly rows: readonly CaptureStatus[] }): VNode | null {
  const problems = rows.flatMap((row): readonly (readonly [string, string])[] => {
    const { source, state, reason, fault, waitsFor } = row;
    if (state === "lost") {
      return [
        [
          `Changes of ${source} are missing: ${reason ?? ""}`,
          `Begin anew: ${recreateCommand(source)}`,
        ],
      ];
    }
    if (state === "refused") {
      return [
        [
          `Changes of ${source} are not captured: ${reason ?? ""}`,
          "Decide: centralcloud sources list",
        ],
      ];
    }
    if (fault !== null) {
      return [
        [
          `The capture of ${source} does not continue: ${withoutContents(fault)}`,
          "It continues by itself once that is repaired.",
        ],
      ];
    }
    if (waitsFor !== null && waitsFor.length > 0) {
      return [
        [
          `The slot of ${source} waits for ${describeBlockers(waitsFor)}`,
          "It is made once those transactions have ended.",
        ],
      ];
    }
    if (state !== "unread") return [];
    return [
      [
        `Nobody reads the slot of ${source}, and its server keeps all log for it`,
        "Start a consumer with CDC_ENABLED=true, or give the capture up: centralcloud cdc drop",
      ],
    ];
  });
  if (problems.length === 0) return null;
  return (
    <>
      <h2>What is wrong</h2>
      {problems.map(([what, remedy]) => (
        <section class="finding warning" key={what}>
          <h3>
            <Text>{shorten(what, 500)}</Text>
          </h3>
          <p>
            <Text>{remedy}</Text>
          </p>
        </section>
      ))}
    </>
  );
}
