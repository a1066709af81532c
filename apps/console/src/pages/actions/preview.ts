import {
  type ActionPreview,
  countDeadLetters,
  countRestorableOfQueues,
  type DeadLetterScope,
  previewDeadLetters,
} from "@centralcloud/dead-letters";
import { askSources, identify, SourcesMissingError } from "@centralcloud/inspect";
import type { Silence } from "@centralcloud/service";
import type { Pool } from "pg";
import { type OpenOptions, withCentral, withScope } from "../../acting/databases.ts";
import type { ReadContext } from "../../routing/route.ts";
import type { Selection, SelectionValues } from "./selection.ts";

/** What would be done, and to what: of a replay or discard all that can be told, of the others the counts. */
export type Preview =
  | { readonly kind: "everything" }
  | {
      readonly kind: "missing";
      readonly silent: readonly Silence[];
      /** Names of the sources that answer. */
      readonly answering: readonly string[];
    }
  | { readonly kind: "action"; readonly preview: ActionPreview; readonly centralAnswers: boolean }
  | { readonly kind: "counts"; readonly counts: readonly Counted[]; readonly deadLetters: number };

export interface Counted {
  readonly source: string;
  readonly sourceId: string;
  readonly queue: string;
  readonly count: number;
}

type PreviewContext = Pick<ReadContext<unknown>, "databases" | "signal">;

/** Looks at what a selection is now, and changes nothing. */
export async function readPreview(
  values: SelectionValues,
  selection: Selection,
  { databases, signal }: PreviewContext,
): Promise<Preview> {
  if (selection.isEverything) return { kind: "everything" };
  const { sourceUrls, centralUrl, asking, judge } = databases;
  const { verb, filter, bulk } = selection;
  const options = { askS: asking.mostS, signal, takeTurn: asking.takeTurn };
  const inScope = <Result>(work: (scope: DeadLetterScope) => Promise<Result>) =>
    withScope(sourceUrls, values, options, work);
  try {
    if (verb === "restore" || verb === "export") {
      const counts = await inScope((scope) =>
        verb === "export"
          ? countDeadLetters(scope, filter)
          : countRestorableOfQueues(scope, restoreOf(selection), bulk),
      );
      return { kind: "counts", counts, deadLetters: sumOf(counts) };
    }
    const { rate } = values;
    const preview = (central: Pool | undefined) =>
      inScope((scope) =>
        previewDeadLetters(scope, filter, verb, {
          ...bulk,
          judge,
          ...(rate === undefined ? {} : { rate }),
          ...(central === undefined ? {} : { central }),
        }),
      );
    return await withCentralIfAny(centralUrl, options, async (central) => ({
      kind: "action",
      preview: await preview(central),
      centralAnswers: central !== undefined,
    }));
  } catch (error) {
    if (!(error instanceof SourcesMissingError)) throw error;
    const { source } = values;
    const wanted = source === undefined ? {} : { source };
    const asked = await askSources(sourceUrls, { ...asking, ...wanted }, identify);
    return {
      kind: "missing",
      silent: [...asked.unreachable, ...asked.failed],
      answering: asked.answers.map(({ name }) => name),
    };
  }
}

/** Of a restore, what the package takes. */
export function restoreOf({ filter, action }: Selection) {
  return { filter, ...(action === undefined ? {} : { action }) };
}

export function sumOf(counts: readonly Counted[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0);
}

/** Without the central store a preview says nothing of the ledger; it says the rest. */
async function withCentralIfAny<Result>(
  url: string,
  options: OpenOptions,
  work: (central: Pool | undefined) => Promise<Result>,
): Promise<Result> {
  let isOpen = false;
  try {
    return await withCentral(url, options, (central) => {
      isOpen = true;
      return work(central);
    });
  } catch (error) {
    if (isOpen) throw error;
    return await work(undefined);
  }
}
