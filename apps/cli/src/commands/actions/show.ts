import { type ActionDetails, type ActionSummary, readAction } from "@centralcloud/central";
import {
  addOutcomes,
  type Outcome,
  outcomeOf,
  sendsMessages,
  takesFile,
} from "@centralcloud/dead-letters";
import { readOneAction } from "@centralcloud/inspect";
import { type Environment, printable } from "@centralcloud/service";
import { Command } from "commander";
import type { Pool } from "pg";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import { missingOf } from "../../show-answers.ts";
import {
  type Answers,
  askSources,
  assertComplete,
  readSourceUrls,
  type SourceOptions,
  timeoutOption,
} from "../../sources.ts";
import { readCentralUrl } from "../central.ts";
import { deadLetterId } from "../dlq/selection.ts";

export function showCommand(environment: Environment): Command {
  return new Command("show")
    .description("one action: its figures for each queue of each source, and who had a hand in it")
    .argument("<id>", "its number, as `list` shows it", deadLetterId)
    .option("--json", "one JSON document on standard output")
    .addOption(timeoutOption())
    .action(async (id: string, { json, ...options }: SourceOptions & { readonly json?: true }) => {
      const known = await readOneAction(readCentralUrl(environment), options, id);
      assertComplete(known);
      const [action] = known.answers;
      if (action === undefined) throw noSuchAction(id);
      const isReplay = sendsMessages(action);
      const asked =
        isReplay && action.moved > 0 ? await askOutcome(environment, options, action) : nobody;
      const outcome = isReplay ? addOutcomes(asked.answers) : null;
      if (json) {
        const missing = asked.unreachable.length + asked.failed.length > 0 ? missingOf(asked) : {};
        print(JSON.stringify({ ...action, outcome, ...missing }));
      } else
        print(
          [describe(action), ...(outcome === null ? [] : describeOutcome(action, outcome))].join(
            "\n",
          ),
        );
      assertComplete(asked);
    });
}

const nobody: Answers<Outcome> = { answers: [], unreachable: [], failed: [] };

/** What became of what it has sent, as far as the sources of this environment that it is for can tell. */
async function askOutcome(
  environment: Environment,
  options: SourceOptions,
  action: ActionDetails,
): Promise<Answers<Outcome>> {
  const asking = { waitsForWork: "among-few", ...options } as const;
  const asked = await askSources(readSourceUrls(environment), asking, async (source) => {
    const { sourceId, name, pool } = source;
    const isOurs = action.parts.some((part) => part.sourceId === sourceId);
    return isOurs ? await outcomeOf(action, [{ sourceId, name, pool }]) : undefined;
  });
  return { ...asked, answers: asked.answers.filter((answer) => answer !== undefined) };
}

function describeOutcome({ kind }: ActionDetails, outcome: Outcome): readonly string[] {
  const { sent, merged, waiting, deadLettered, unknown, again } = outcome;
  const rest = unknown > 0 ? `, ${unknown} are not known any more` : "";
  const done = kind === "replay-archive" ? "put back" : "sent";
  return [
    "",
    `of ${sent} ${done}: ${merged} merged, ${waiting} wait, ${deadLettered} dead-lettered again${rest}`,
    ...again.map(({ reason, code, count }) => {
      return `  ${count} × ${printable([reason, code].filter((one) => one !== null).join(" "))}`;
    }),
  ];
}

function describe(action: ActionDetails): string {
  const { id, kind, actor, login, osUser, channel, expected, moved, alreadyMerged } = action;
  const who = [login && `login ${login}`, osUser && `user ${osUser}`, channel && `by ${channel}`];
  const lines: Readonly<Record<string, unknown>> = {
    action: `${id}, ${kind}`,
    state: stateOf(action),
    error: action.error,
    actor: `${actor} (${who.filter((one) => one !== null && one !== "").join(", ")})`,
    reason: action.reason,
    started: action.startedAt,
    finished: action.finishedAt,
    "worked on by": action.runner,
    "to continue": howToContinue(action),
    rate: action.rate === null ? "as fast as it goes" : `${action.rate} a second`,
    expected,
    moved,
    "already merged": alreadyMerged,
    refused: action.refused,
    remaining: action.remaining,
    selection: JSON.stringify(action.selection),
  };
  const width = Math.max(...Object.keys(lines).map((name) => name.length)) + 2;
  const head = Object.entries(lines)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(width)}${printable(String(value))}`);
  const parts = action.parts.map((part) => ({
    source: part.sourceName,
    queue: part.queue,
    expected: part.expected,
    moved: part.moved,
    merged: part.merged,
    refused: part.refused,
    remaining: part.remaining ?? Math.max(0, part.expected - part.moved),
    cursor: part.cursorAt,
    ended: part.endedAt,
  }));
  const events = action.events.map(({ at, event, actor: by, detail }) => ({
    at,
    event,
    by,
    detail: Object.keys(detail).length === 0 ? null : JSON.stringify(detail),
  }));
  return [...head, "", formatTable(parts), "", formatTable(events)].join("\n");
}

export async function findAction(central: Pool, id: string): Promise<ActionDetails> {
  const action = await readAction(central, id);
  if (action === undefined) throw noSuchAction(id);
  return action;
}

export function noSuchAction(id: string): Error {
  return new Error(`there is no action ${id}; see \`centralcloud actions list\``);
}

/** What continues an action that nobody works on; null where there is nothing to continue. */
function howToContinue(action: ActionDetails): string | null {
  const { id, state, runner } = action;
  if (runner !== null || state === "done" || state === "cancelled") return null;
  return `centralcloud actions resume ${id}${takesFile(action) ? " --from FILE" : ""}`;
}

/** A running action that nobody works on waits for whoever resumes it. */
export function stateOf({ state, runner }: ActionSummary): string {
  return state === "running" && runner === null ? "running, without a runner" : state;
}
