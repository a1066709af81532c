import { recordAction } from "@centralcloud/dead-letters";
import { type AskOptions, askDatabase, assertComplete } from "@centralcloud/inspect";
import { withoutSecrets } from "@centralcloud/postgres";
import type { VNode } from "preact";
import type { Viewer } from "../auth/rights.ts";
import type { Logins } from "../configuration.ts";
import { one, text } from "../routing/fields.ts";
import { ActionForm, ReasonField } from "./form.tsx";
import { useRight } from "./page-info.ts";

/** The fields of a form that reveals contents. */
export const revealFields = { reason: one(text(500).min(1, "must say why you look")) };

/** Asks for contents that are masked, with a reason; says what is missing where the viewer may not see them. */
export function RevealForm({
  action,
  what,
}: {
  readonly action: string;
  /** What would be shown: `the contents of these changes`. */
  readonly what: string;
}): VNode {
  const mayReveal = useRight("reveal");
  if (!mayReveal) {
    return (
      <p class="hint">
        Contents are masked. To see {what} takes the right <strong>reveal</strong>, which{" "}
        <a href="/me">you do not have</a>.
      </p>
    );
  }
  return (
    <details>
      <summary>Reveal {what}</summary>
      <ActionForm action={action}>
        <ReasonField />
        <div class="actions">
          <button type="submit" class="plain">
            Reveal, and put it on record
          </button>
        </div>
      </ActionForm>
    </details>
  );
}

export interface Revealing {
  readonly viewer: Viewer;
  readonly reason: string;
  /** The form's own key. */
  readonly key: string;
  readonly operator: Logins;
  readonly asking: AskOptions;
  /** What is looked at, as it is put on record. */
  readonly selection: Readonly<Record<string, unknown>>;
}

/** What is put on record beside a selection. */
export function requestOf({ viewer, reason, key }: Pick<Revealing, "viewer" | "reason" | "key">) {
  return { actor: viewer.name, reason, channel: "console", idempotencyKey: key };
}

/**
 * Reads contents, once it is on record who looks at what, and why.
 *
 * @throws {SourcesMissingError} where the central store, which keeps the record, does not answer: then nothing is read.
 */
export async function revealed<Result>(
  { operator, asking, selection, ...who }: Revealing,
  work: () => Promise<Result>,
): Promise<Result> {
  const { centralUrl } = operator;
  const asked = await askDatabase(
    centralUrl,
    asking,
    withoutSecrets(centralUrl),
    async (central) => ({
      result: await recordAction(central, {
        kind: "reveal",
        request: requestOf(who),
        selection,
        work,
        failureOf: () => undefined,
      }),
    }),
  );
  assertComplete(asked);
  return (asked.answers[0] as { readonly result: Result }).result;
}
