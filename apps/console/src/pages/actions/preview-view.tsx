import type { ActionPreview, PreviewedPart } from "@centralcloud/dead-letters";
import { shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import {
  Age,
  Bytes,
  Count,
  durationText,
  plural,
  Stat,
  Stats,
  Text,
  Time,
} from "../../kit/figures.tsx";
import { Notice } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { deadLetterHref, wordsOf } from "../dead-letters/list.tsx";
import type { Counted } from "./preview.ts";
import type { Verb } from "./selection.ts";
import { actionHref } from "./table.tsx";

/** What a replay or a discard would do. */
export function PreviewView({
  preview,
  verb,
}: {
  readonly preview: ActionPreview;
  readonly verb: Verb;
}): VNode {
  const { deadLetters, settledBefore, ledger, contract, parts, sample, seconds } = preview;
  const full = parts.filter((part) => part.deadLetters > 0);
  return (
    <>
      {deadLetters === 0 && (
        <Notice tone="info" title="Nothing is left to do">
          <p>No dead letter that is chosen waits any more.</p>
        </Notice>
      )}
      {settledBefore.length > 0 && (
        <Notice tone="info" title={`${plural(settledBefore.length, "dead letter")} done before`}>
          <ul>
            {settledBefore.map(({ id, queue, source, actionId }) => (
              <li key={`${source} ${queue} ${id}`}>
                <a href={deadLetterHref({ source, queue, id })}>{id}</a> of {queue}
                {actionId !== null && (
                  <>
                    , by <a href={actionHref(actionId)}>action {actionId}</a>
                  </>
                )}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {deadLetters > 0 && (
        <>
          <Stats>
            <Stat label="Dead letters">
              <Count value={deadLetters} />
            </Stat>
            <Stat label="It takes about">{durationText(Math.ceil(seconds))}</Stat>
            {ledger !== null && (
              <Stat label="Merged already, so not sent">
                {ledger.merged.toLocaleString("en-US")} of {ledger.checked.toLocaleString("en-US")}
              </Stat>
            )}
            {contract !== null && (
              <Stat
                label="Would be refused again"
                tone={contract.refused > 0 ? "bad" : contract.unknown > 0 ? "warning" : "good"}
              >
                {contract.refused.toLocaleString("en-US")} of{" "}
                {contract.checked.toLocaleString("en-US")}
              </Stat>
            )}
          </Stats>
          {ledger === null && verb === "replay" && (
            <p class="quiet">
              The central store does not answer, so it is not known how many are merged already.
            </p>
          )}
          {contract !== null && contract.unknown > 0 && (
            <p>
              Of {plural(contract.unknown, "message")} it can't be told here whether they would be
              accepted: they are sealed, and the console holds no keys.
            </p>
          )}
          {contract !== null && contract.refused > 0 && (
            <Notice
              tone="warning"
              title={
                contract.refused === contract.checked
                  ? "They would come back"
                  : "Some would come back"
              }
            >
              <p>
                Replaying what the contract refuses dead-letters it again. Fix the producer or the
                contract first, edit them, or send a few first to see.
              </p>
            </Notice>
          )}
          <PartTable parts={full} />
          <h2>The oldest of them</h2>
          <Table
            caption="The oldest dead letters that are chosen"
            rows={sample}
            keyOf={({ source, queue, id }) => `${source} ${queue} ${id}`}
            empty={<p>None.</p>}
            columns={[
              {
                head: "Dead letter",
                isNumber: true,
                cell: ({ source, queue, id }) => (
                  <a href={deadLetterHref({ source, queue: queue as never, id })}>{id}</a>
                ),
              },
              { head: "Since", isNumber: true, cell: ({ at }) => <Age at={at} /> },
              { head: "Source", cell: ({ source }) => <Text>{shorten(source, 40)}</Text> },
              { head: "Queue", cell: ({ queue }) => queue },
              { head: "Reason", cell: ({ reason, code }) => <Text>{wordsOf(reason, code)}</Text> },
            ]}
          />
        </>
      )}
    </>
  );
}

/** Reasons of a queue that are told one by one. */
const maxReasons = 3;

function PartTable({ parts }: { readonly parts: readonly PreviewedPart[] }) {
  return (
    <Table
      caption="What is chosen, for each queue of each source"
      rows={parts}
      keyOf={({ sourceId, queue }) => `${sourceId} ${queue}`}
      empty={<p>Nothing is chosen anywhere.</p>}
      columns={[
        { head: "Source", cell: ({ source }) => <Text>{shorten(source, 60)}</Text> },
        { head: "Queue", cell: ({ queue }) => queue },
        {
          head: "Dead letters",
          isNumber: true,
          cell: ({ deadLetters }) => <Count value={deadLetters} />,
        },
        { head: "From", isNumber: true, isMinor: true, cell: ({ since }) => <Time at={since} /> },
        {
          head: "Until, by its clock",
          isNumber: true,
          cell: ({ until }) => <Time at={until} />,
        },
        {
          head: "Size",
          isNumber: true,
          isMinor: true,
          cell: ({ storedBytes }) => <Bytes value={storedBytes} />,
        },
        { head: "Reasons", cell: ({ reasons }) => <Text>{reasonsText(reasons)}</Text> },
      ]}
    />
  );
}

function reasonsText(reasons: PreviewedPart["reasons"]): string {
  const told = reasons
    .slice(0, maxReasons)
    .map(
      ({ reason, code, count }) => `${count.toLocaleString("en-US")} × ${wordsOf(reason, code)}`,
    );
  return `${told.join(", ")}${reasons.length > maxReasons ? ", …" : ""}`;
}

/** What a restore would put back, or an export would hold. */
export function CountsView({
  counts,
  deadLetters,
  verb,
}: {
  readonly counts: readonly Counted[];
  readonly deadLetters: number;
  readonly verb: Verb;
}): VNode {
  const full = counts.filter(({ count }) => count > 0);
  return (
    <>
      <Stats>
        <Stat label={verb === "restore" ? "Would be put back" : "Dead letters"}>
          <Count value={deadLetters} />
        </Stat>
      </Stats>
      <Table
        caption="What is chosen, for each queue of each source"
        rows={full}
        keyOf={({ sourceId, queue }) => `${sourceId} ${queue}`}
        empty={
          verb === "restore" ? (
            <p>
              No discarded dead letter is chosen: they were put back, or the archive is not kept any
              more.
            </p>
          ) : (
            <p>No dead letter is chosen.</p>
          )
        }
        columns={[
          { head: "Source", cell: ({ source }) => <Text>{shorten(source, 60)}</Text> },
          { head: "Queue", cell: ({ queue }) => queue },
          { head: "Dead letters", isNumber: true, cell: ({ count }) => <Count value={count} /> },
        ]}
      />
    </>
  );
}
