import { type ActionDetails, readAction } from "@centralcloud/central";
import { addOutcomes, type Outcome, outcomeOf } from "@centralcloud/dead-letters";
import { askDatabase, assertComplete } from "@centralcloud/inspect";
import { withoutSecrets } from "@centralcloud/postgres";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Count, plural, Stat, Stats, Text } from "../../kit/figures.tsx";
import { ActionForm, TextField } from "../../kit/form.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { answered, silences } from "../../reading/snapshots.ts";
import { maybe, whole } from "../../routing/fields.ts";
import { hrefTo } from "../../routing/links.ts";
import { NotFoundError, page } from "../../routing/route.ts";
import { isLoadable } from "../dead-letters/export.ts";
import { wordsOf } from "../dead-letters/list.tsx";
import { ActionFacts, EventTable, PartTable } from "./action-record.tsx";
import { maskAction, StateBadge } from "./table.tsx";

interface ActionModel {
  /** Masked where it is somebody else's. */
  readonly action: ActionDetails;
  /** What became of what it has sent; undefined for what sends nothing. */
  readonly outcome: Outcome | undefined;
  /** Whether some of its sources have yet to say what became of it. */
  readonly isAsking: boolean;
  readonly silent: readonly Silence[];
  /** How many dead letters its preview has shown. */
  readonly shown: number | undefined;
  readonly isLoadable: boolean;
}

/**
 * How old the outcome of what was sent may be, in milliseconds: the longer ago it was sent, the more has to be searched,
 * and the less changes.
 */
export function outcomeEveryMs(
  { finishedAt }: Pick<ActionDetails, "finishedAt">,
  now: Date,
): number {
  if (finishedAt === null) return 3_000;
  const agoMs = now.getTime() - Date.parse(finishedAt);
  return Math.min(600_000, Math.max(3_000, agoMs / 20));
}

/** One action: how far it is, who asked for it and why, what became of it, and what can be asked of it. */
export const action = page({
  path: "/actions/{id}",
  right: "look",
  section: "actions",
  isLive: true,
  query: { shown: maybe(whole(0, 999_999_999)) },
  title: ({ action: { id, kind } }: ActionModel) => `Action ${id}: ${kindWords[kind] ?? kind}`,
  async read({ params: { id = "" }, query, viewer, looks: own, databases, snapshots, now }) {
    const { centralUrl, asking } = databases;
    if (!/^\d{1,18}$/.test(id)) throw new NotFoundError(`There is no action ${id}.`);
    const asked = await askDatabase(centralUrl, asking, withoutSecrets(centralUrl), (central) =>
      readAction(central, id).then((found) => ({ found })),
    );
    assertComplete(asked);
    const found = asked.answers[0]?.found;
    if (found === undefined) {
      throw new NotFoundError(
        `There is no action ${id}; all that there are have a row in the list.`,
      );
    }
    const sends = found.kind === "replay" || found.kind === "edit";
    const looks =
      sends && found.moved > 0
        ? await snapshots.ofSources(
            `outcome of ${id}`,
            outcomeEveryMs(found, now),
            async (source) => {
              const { sourceId, name, pool } = source;
              const isOurs = found.parts.some((part) => part.sourceId === sourceId);
              return isOurs ? await outcomeOf(found, [{ sourceId, name, pool }]) : undefined;
            },
          )
        : [];
    const isOurs = ({ sourceId }: { readonly sourceId: string | undefined }) =>
      sourceId === undefined || found.parts.some((part) => part.sourceId === sourceId);
    const outcomes = answered(looks).flatMap(({ value }) => (value === undefined ? [] : [value]));
    const model: ActionModel = {
      action: maskAction(found, viewer),
      outcome: sends ? addOutcomes(outcomes) : undefined,
      isAsking: looks.some((look) => isOurs(look) && look.isWaiting),
      silent: silences(looks.filter((look) => isOurs(look) && !look.isWaiting)),
      shown: query.shown,
      isLoadable: isLoadable(found, viewer, own),
    };
    return model;
  },
  page: (model) => <ActionPage {...model} />,
  command: ({ params: { id = "" } }) => ["actions", "show", id],
});

const kindWords: Readonly<Record<string, string>> = {
  replay: "replay",
  edit: "edit and send",
  discard: "discard",
  restore: "put back",
  reveal: "look at contents",
  "job-run": "run a job",
  import: "import",
  "replay-archive": "replay of an archive",
};

function ActionPage(model: ActionModel): VNode {
  const { action: shownAction, outcome, isAsking, silent, isLoadable: mayLoad } = model;
  const { id, kind, parts, events } = shownAction;
  return (
    <>
      <div id="progress" data-region>
        <PartialSources unreachable={silent} />
        <Progress {...model} />
        {outcome !== undefined && <OutcomeView outcome={outcome} kind={kind} />}
        {isAsking && (
          <p class="quiet">
            Its sources are being asked what became of it: look again in a moment.
          </p>
        )}
        <Controls action={shownAction} />
      </div>
      {mayLoad && (
        <Notice tone="info" title="The export is ready">
          <p>
            <a href={hrefTo("/dead-letters/exports/{id}", { id })}>Load it as a file</a>, within a
            quarter of an hour, and keep it as you would the messages: nothing in it is masked.
          </p>
        </Notice>
      )}
      <RateForm action={shownAction} />
      <Undo action={shownAction} />
      <h2>Who and why</h2>
      <ActionFacts action={shownAction} />
      {parts.length > 0 && (
        <div id="parts" data-region>
          <h2>Each queue of each source</h2>
          <PartTable parts={parts} />
        </div>
      )}
      <div id="events" data-region>
        <h2>What happened</h2>
        <EventTable events={events} />
      </div>
    </>
  );
}

function Progress({ action: { state, runner, ...rest }, shown }: ActionModel) {
  const { expected, moved, alreadyMerged, refused, remaining, canary, error, parts } = rest;
  const others = shown === undefined || expected === null ? 0 : shown - expected;
  const isDone = state === "done";
  return (
    <>
      {error !== null && (
        <Notice tone={state === "paused" ? "warning" : "bad"} title={`It is ${state}`}>
          <p>
            <Text>{shorten(error, 1_000)}</Text>
          </p>
        </Notice>
      )}
      {others > 0 && (
        <Notice tone="warning" title="Somebody was faster">
          <p>
            Of the {plural(shown ?? 0, "dead letter")} that you were shown, {others} had been moved
            by others when this action began. <a href="/actions">Who did what</a>
          </p>
        </Notice>
      )}
      {parts.length > 0 && expected !== null && expected > 0 && (
        <progress class="progress" value={moved} max={Math.max(expected, moved)}>
          {moved} of {expected}
        </progress>
      )}
      <Stats>
        <Stat label="State">
          <StateBadge state={state} runner={runner} />
        </Stat>
        {parts.length > 0 && (
          <>
            <Stat label="Moved">
              <Count value={moved} />
              {expected === null ? "" : ` of ${expected.toLocaleString("en-US")}`}
            </Stat>
            <Stat label="Merged already, not sent">
              <Count value={alreadyMerged} />
            </Stat>
            <Stat
              label={isDone ? "Left behind" : "Still to do"}
              tone={isDone && (remaining ?? 0) > 0 ? "warning" : "quiet"}
            >
              <Count value={remaining} />
            </Stat>
            {refused > 0 && (
              <Stat label="Have no message to send" tone="warning">
                <Count value={refused} />
              </Stat>
            )}
          </>
        )}
        {canary !== null && (
          <Stat
            label={`The first ${canary.count}`}
            tone={canary.state === "stopped" ? "bad" : "quiet"}
          >
            {canaryWords[canary.state]}
          </Stat>
        )}
      </Stats>
    </>
  );
}

const canaryWords = {
  sending: "are being sent",
  waiting: "were sent; their outcome is waited for",
  passed: "were merged; the rest follows",
  stopped: "came back; the rest stays",
} as const;

function OutcomeView({ outcome, kind }: { readonly outcome: Outcome; readonly kind: string }) {
  const { sent, merged, waiting, deadLettered, unknown, again } = outcome;
  if (sent === 0) return null;
  return (
    <>
      <h2>What became of it</h2>
      <p>
        Of {plural(sent, kind === "edit" ? "changed message" : "message")} sent:{" "}
        <strong>{merged.toLocaleString("en-US")} merged</strong>, {waiting.toLocaleString("en-US")}{" "}
        waiting, {deadLettered.toLocaleString("en-US")} dead-lettered again
        {unknown > 0 && `, ${unknown.toLocaleString("en-US")} not known any more`}.
      </p>
      {again.length > 0 && (
        <ul>
          {again.map(({ reason, code, count }) => (
            <li key={`${reason} ${code}`}>
              {count.toLocaleString("en-US")} × <Text>{wordsOf(reason, code)}</Text>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** What can be asked of it in its state. */
function Controls({ action: { id, state, runner, parts } }: { readonly action: ActionDetails }) {
  const mayOperate = useRight("operate");
  if (parts.length === 0 || state === "done" || state === "cancelled") return null;
  if (!mayOperate) {
    return <p class="quiet">To pause, resume or cancel it takes the right to operate.</p>;
  }
  const isOrphan = state === "planned" || (state === "running" && runner === null);
  const canResume = state === "paused" || state === "failed" || isOrphan;
  const button = (verb: string, words: string, look: string) => (
    <ActionForm action={hrefTo(`/actions/{id}/${verb}`, { id })} isLive>
      <button class={look} type="submit">
        {words}
      </button>
    </ActionForm>
  );
  return (
    <>
      {isOrphan && (
        <p>
          No process works on it. If it was a console's, another console continues by itself; else
          it waits for whoever resumes it.
        </p>
      )}
      <div class="actions">
        {canResume && button("resume", isOrphan ? "Continue with it here" : "Resume", "")}
        {state === "running" && button("pause", "Pause", "plain")}
        {button("cancel", "Cancel; what is moved stays moved", "plain")}
      </div>
    </>
  );
}

function RateForm({ action: { id, state, rate, parts } }: { readonly action: ActionDetails }) {
  const mayOperate = useRight("operate");
  const isOpen = state === "planned" || state === "running" || state === "paused";
  if (!isOpen || !mayOperate || parts.length === 0) return null;
  return (
    <ActionForm action={hrefTo("/actions/{id}/rate", { id })}>
      <TextField
        name="rate"
        label="Messages a second at most"
        hint="A number, or none for as fast as it goes."
        value={rate === null ? "none" : String(rate)}
        required
      />
      <div>
        <button class="plain" type="submit">
          Change the rate
        </button>
      </div>
    </ActionForm>
  );
}

function Undo({ action: { id, kind, moved, state } }: { readonly action: ActionDetails }) {
  if (kind !== "discard" || moved === 0 || state === "running") return null;
  return (
    <p>
      <a class="button" href={hrefTo("/actions/new", {}, { do: "restore", action: id })}>
        Undo: put what it discarded back…
      </a>
    </p>
  );
}
