import {
  countRestorableOfQueues,
  DeadLetterNotFoundError,
  DriftError,
  discardDeadLetters,
  MissingRightsError,
  replayDeadLetters,
  restoreDeadLetters,
  SelectionError,
  type SettledDeadLetter,
} from "@centralcloud/dead-letters";
import { SourcesMissingError } from "@centralcloud/inspect";
import type { VNode } from "preact";
import { statementS, withCentral, withScope } from "../../acting/databases.ts";
import {
  DoneBeforeError,
  explainRecord,
  reason,
  recorded,
  requestOf,
} from "../../acting/record.ts";
import type { Begun } from "../../acting/runner.ts";
import { Notice } from "../../kit/notices.tsx";
import { GivenError, readFields, type ValuesOf } from "../../routing/fields.ts";
import { hrefTo } from "../../routing/links.ts";
import { type ActContext, form, type Outcome, type ReadContext } from "../../routing/route.ts";
import { exportSelection, lookOfExport } from "../dead-letters/export.ts";
import { deadLetterHref } from "../dead-letters/list.tsx";
import { NewAction, titleOf } from "./new.tsx";
import { readPreview, restoreOf, sumOf } from "./preview.ts";
import {
  bindingFields,
  type Selection,
  type SelectionValues,
  selectionFields,
  selectionOf,
} from "./selection.ts";
import { actionHref } from "./table.tsx";

const fields = { ...selectionFields, ...bindingFields, reason };

type Start = ActContext<ValuesOf<typeof fields>, unknown>;

/** Does what a preview has shown, or says why it can't be, with a new preview. */
export const startAction = form({
  path: "/actions",
  right: "operate",
  section: "actions",
  query: {},
  form: fields,
  async act(context): Promise<Outcome> {
    const { form: given, viewer } = context;
    const selection = selectionOf(given, viewer);
    try {
      if (selection.verb === "export") return await startExport(context, selection);
      const begun = await begin(context, selection);
      if (begun.actionId === null) return nothingLeft(begun.settledBefore);
      const shown = given.shown === undefined ? {} : { shown: given.shown };
      return { seeOther: hrefTo("/actions/{id}", { id: begun.actionId }, shown) };
    } catch (thrown) {
      const error = explainRecord(thrown);
      if (!isRefusal(error)) throw error;
      const mistakes = error.message.split("\n").map(inPlainWords);
      return { status: 409, ...(await showAgain(given, given.reason, mistakes, context)) };
    }
  },
  async refused(given, mistakes, context) {
    const choosing = Object.keys(selectionFields);
    const chosen = new Map([...given].filter(([name]) => choosing.includes(name)));
    let values: SelectionValues;
    try {
      values = readFields(selectionFields, chosen);
    } catch (error) {
      if (!(error instanceof GivenError)) throw error;
      // Of a rate or a canary with a mistake in it the rest is shown; what was chosen has to be whole.
      chosen.delete("rate");
      chosen.delete("canary");
      values = readFields(selectionFields, chosen);
    }
    return await showAgain(values, given.get("reason")?.[0], mistakes, context);
  },
});

async function showAgain(
  values: SelectionValues,
  why: string | undefined,
  mistakes: readonly string[],
  context: Pick<ReadContext<unknown>, "viewer" | "databases" | "signal">,
): Promise<{ readonly title: string; readonly body: VNode }> {
  const selection = selectionOf(values, context.viewer);
  // Somebody has named what is not there any more: then there is no preview either.
  const preview = await readPreview(values, selection, context).catch((error: unknown) => {
    if (!isRefusal(error)) throw error;
    return { kind: "counts", counts: [], deadLetters: 0 } as const;
  });
  const model = { values, selection, preview, reason: why, mistakes };
  return { title: titleOf(selection.verb), body: <NewAction {...model} /> };
}

/** What an operator is told, and can do something about. */
function isRefusal(error: unknown): error is Error {
  return (
    error instanceof DriftError ||
    error instanceof DoneBeforeError ||
    error instanceof SelectionError ||
    error instanceof DeadLetterNotFoundError ||
    error instanceof MissingRightsError ||
    error instanceof SourcesMissingError
  );
}

/** The package speaks of the command line's options. */
function inPlainWords(message: string): string {
  return message.replace(
    "look at a new preview with --dry-run",
    "what follows is a new preview; look at it, and decide again",
  );
}

async function begin(context: Start, selection: Selection): Promise<Begun> {
  const { form: given, viewer, operator, databases, key, runner } = context;
  const { verb, filter, bulk } = selection;
  const { digest, rate, canary, shown } = given;
  if (verb !== "restore" && digest === undefined) {
    throw new SelectionError("an action is bound to its preview: begin at the preview");
  }
  const request = requestOf({ viewer, reason: given.reason, key });
  return await runner.begin((work) =>
    withCentral(operator.centralUrl, { askS: statementS.central }, (central) =>
      withScope(operator.sourceUrls, given, { askS: statementS.source }, async (scope) => {
        const options = {
          central,
          request,
          ...bulk,
          ...work,
          ...(rate === undefined ? {} : { rate }),
          ...(digest === undefined ? {} : { digest }),
        };
        if (verb === "discard") return await discardDeadLetters(scope, filter, options);
        if (verb === "restore") {
          const restored = restoreOf(selection);
          const now = sumOf(await countRestorableOfQueues(scope, restored, bulk));
          if (now > (shown ?? 0)) {
            throw new DriftError(`${now} are chosen now, and the preview has shown ${shown ?? 0}`);
          }
          return await restoreDeadLetters(scope, restored, options);
        }
        const { judge } = databases;
        return await replayDeadLetters(scope, filter, {
          ...options,
          judge,
          ...(canary === undefined ? {} : { canary }),
        });
      }),
    ),
  );
}

/** What is exported is whole: that it is asked for is put on record, and only whoever asked may load it. */
async function startExport(context: Start, { filter }: Selection): Promise<Outcome> {
  const { viewer, operator, looks, key, form: given } = context;
  if (!viewer.rights.has("reveal")) {
    throw new GivenError(["an export holds whole messages, so it takes the right to reveal them"]);
  }
  const selection = exportSelection(filter, given);
  const asked = { viewer, operator, reason: given.reason, key, selection };
  const id = await recorded(asked, async (record) => record);
  looks.opened(lookOfExport(id));
  return { seeOther: hrefTo("/actions/{id}", { id }) };
}

/** Somebody else was first. */
function nothingLeft(settledBefore: readonly SettledDeadLetter[]): Outcome {
  const body = (
    <Notice tone="info" title="Nothing was left to do">
      <ul>
        {settledBefore.map(({ id, queue, source, actionId }) => (
          <li key={`${source} ${queue} ${id}`}>
            <a href={deadLetterHref({ source, queue, id })}>Dead letter {id}</a> of {queue} was done
            before
            {actionId !== null && (
              <>
                , by <a href={actionHref(actionId)}>action {actionId}</a>
              </>
            )}
          </li>
        ))}
      </ul>
    </Notice>
  );
  return { status: 409, title: "Somebody was faster", body };
}
