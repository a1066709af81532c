import { Readable } from "node:stream";
import { type ActionSummary, readAction } from "@centralcloud/central";
import { isQueueName } from "@centralcloud/contracts";
import { type DeadLetterFilter, exportDeadLetters } from "@centralcloud/dead-letters";
import { type Chosen, openScope, statementS, withCentral } from "../../acting/databases.ts";
import type { Looks } from "../../acting/looks.ts";
import type { Viewer } from "../../auth/rights.ts";
import { download, NotFoundError } from "../../routing/route.ts";

/** An export that is on record, as it is kept which session asked for it. */
export const lookOfExport = (id: string) => `export ${id}`;

/** Whether somebody may load what an action has put on record: the session that asked for it, for a while. */
export function isLoadable(
  { id, kind, selection, actor }: ActionSummary,
  viewer: Viewer,
  looks: Looks,
): boolean {
  const isExport = kind === "reveal" && selection.export === true;
  return isExport && actor === viewer.name && looks.isOpen(lookOfExport(id));
}

/** Dead letters whole, as JSON lines that `dlq import` takes: those of an export that is on record. */
export const exported = download({
  path: "/dead-letters/exports/{id}",
  right: "reveal",
  query: {},
  async read({ params: { id = "" }, viewer, looks, databases, signal }) {
    const { centralUrl, sourceUrls, asking } = databases;
    const askS = asking.mostS;
    const isId = /^\d{1,18}$/.test(id);
    const action = isId
      ? await withCentral(centralUrl, { askS }, (central) => readAction(central, id))
      : undefined;
    if (action === undefined || !isLoadable(action, viewer, looks)) {
      throw new NotFoundError(
        "There is no such export that you asked for in this session within the last quarter of an hour; ask for it again.",
      );
    }
    const { filter, chosen } = selectionOf(action.selection);
    const lines = async function* () {
      const { scope, close } = await openScope(sourceUrls, chosen, {
        askS: statementS.source,
        signal,
      });
      try {
        for await (const line of exportDeadLetters(scope, filter)) yield `${line}\n`;
      } finally {
        await close();
      }
    };
    const fileName = `dead-letters-${id}.jsonl`;
    return { type: "application/x-ndjson", fileName, body: Readable.from(lines()) };
  },
});

/** What an export keeps of what was asked for. */
export function exportSelection(filter: DeadLetterFilter, { queue, source }: Chosen) {
  return {
    export: true,
    filter,
    ...(queue === undefined ? {} : { queues: queue }),
    ...(source === undefined ? {} : { sources: source }),
  };
}

function selectionOf(selection: ActionSummary["selection"]): {
  readonly filter: DeadLetterFilter;
  readonly chosen: Chosen;
} {
  const { filter, queues, sources } = selection;
  const queue = Array.isArray(queues) ? queues.filter(isQueueName) : undefined;
  const source = Array.isArray(sources) ? sources.map(String) : undefined;
  return { filter: Object(filter) as DeadLetterFilter, chosen: { queue, source } };
}
