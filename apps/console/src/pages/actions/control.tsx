import { controlAction, readAction } from "@centralcloud/central";
import { z } from "zod";
import { statementS, withCentral } from "../../acting/databases.ts";
import { Notice } from "../../kit/notices.tsx";
import { maybe, one, text } from "../../routing/fields.ts";
import {
  type ActContext,
  type AnyForm,
  form,
  NotFoundError,
  type Outcome,
} from "../../routing/route.ts";
import { actionHref } from "./table.tsx";

type Verb = "pause" | "resume" | "cancel" | "rate";

const participles: Readonly<Record<Verb, string>> = {
  pause: "be paused",
  resume: "be continued",
  cancel: "be cancelled",
  rate: "be given a rate",
};

interface Asked {
  readonly reason?: string | undefined;
  /** Null for as fast as it goes. */
  readonly rate?: number | null;
}

/** Asks an action to do something, wherever it runs; without a process it is continued here, or brought to its end. */
async function control(
  verb: Verb,
  { params, viewer, operator, runner }: ActContext<unknown, unknown>,
  { reason, rate }: Asked,
): Promise<Outcome> {
  const { id = "" } = params;
  const asked = { actor: viewer.name, ...(reason ? { reason } : {}) };
  const { done, isOpen } = await withCentral(
    operator.centralUrl,
    { askS: statementS.record },
    async (central) => {
      const action = /^\d{1,18}$/.test(id) ? await readAction(central, id) : undefined;
      if (action === undefined) throw new NotFoundError(`There is no action ${id}.`);
      // It has yet to begin: there is nothing to resume, and it is begun.
      if (verb === "resume" && action.state === "planned") return { done: undefined, isOpen: true };
      const controlled = await controlAction(central, id, verb, {
        ...asked,
        ...(rate === undefined ? {} : { rate }),
      });
      return { done: controlled, isOpen: action.finishedAt === null };
    },
  );
  if (done !== undefined && !done.isDone) {
    const title = `Action ${id} can't ${participles[verb]} any more`;
    const body = (
      <Notice tone="warning" title={`It is ${done.state}`}>
        <p>
          Nothing was done. <a href={actionHref(id)}>How it ended</a>
        </p>
      </Notice>
    );
    return { status: 409, title, body };
  }
  // Where its process lives it continues there, and where it was cancelled its figures have to be made final.
  if (verb === "resume" || (verb === "cancel" && isOpen)) runner.goOn(id);
  return { seeOther: actionHref(id) };
}

function controlForm(verb: Exclude<Verb, "rate">): AnyForm {
  return form({
    path: `/actions/{id}/${verb}`,
    right: "operate",
    section: "actions",
    query: {},
    form: { reason: maybe(text(500)) },
    act: (context) => control(verb, context, { reason: context.form.reason }),
  });
}

const sentence = "must be a number above 0, of messages a second, or none";

const rateOrNone = z
  .string()
  .trim()
  .transform((given, context) => {
    if (given === "none") return null;
    const rate = Number(given);
    if (/^\d{1,7}(\.\d{1,3})?$/.test(given) && rate > 0) return rate;
    context.addIssue({ code: "custom", message: sentence });
    return z.NEVER;
  });

const changeRate = form({
  path: "/actions/{id}/rate",
  right: "operate",
  section: "actions",
  query: {},
  form: { rate: one(rateOrNone), reason: maybe(text(500)) },
  act: (context) => {
    const { rate, reason } = context.form;
    return control("rate", context, { rate, reason });
  },
});

/** What may be asked of an action that is not at its end. */
export const controls: readonly AnyForm[] = [
  controlForm("pause"),
  controlForm("resume"),
  controlForm("cancel"),
  changeRate,
];
