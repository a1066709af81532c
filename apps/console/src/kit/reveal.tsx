import type { VNode } from "preact";
import { reason } from "../acting/record.ts";
import { ActionForm, ReasonField } from "./form.tsx";
import { useRight } from "./page-info.ts";

/** The fields of a form that reveals contents. */
export const revealFields = { reason };

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
