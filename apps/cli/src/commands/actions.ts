import { setTimeout } from "node:timers/promises";
import {
  type ActionState,
  type ActionSummary,
  actionStates,
  type ControlVerb,
  controlAction,
  listWaitingActions,
} from "@centralcloud/central";
import { takesFile } from "@centralcloud/dead-letters";
import { readActions } from "@centralcloud/inspect";
import { type Environment, shorten } from "@centralcloud/service";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Pool } from "pg";
import { coloured } from "../format-table.ts";
import { print } from "../output.ts";
import { showRows } from "../show-answers.ts";
import { timeoutOption } from "../sources.ts";
import { continueActions, continueWithFile, settleAction } from "./actions/continue.ts";
import { findAction, noSuchAction, showCommand, stateOf } from "./actions/show.ts";
import { workCommand } from "./actions/work.ts";
import { readCentralUrl } from "./central.ts";
import { whoActs } from "./dlq/action.ts";
import { withCentral } from "./dlq/scope.ts";
import { deadLetterId, positiveNumber, wholeNumberUpTo } from "./dlq/selection.ts";
import { assertKnown, collect, withChoices } from "./options.ts";

interface ControlOptions {
  readonly actor?: string;
  readonly reason?: string;
  readonly json?: true;
}

export function actionsCommand(environment: Environment): Command {
  return new Command("actions")
    .description(
      "replays, discards and other actions of operators: who did what, and how far it is",
    )
    .addCommand(listCommand(environment))
    .addCommand(showCommand(environment))
    .addCommand(
      controlCommand(environment, "pause", "lets an action move nothing more until it is resumed"),
    )
    .addCommand(resumeCommand(environment))
    .addCommand(workCommand(environment))
    .addCommand(controlCommand(environment, "cancel", "ends an action; what it moved stays moved"))
    .addCommand(rateCommand(environment));
}

interface ListOptions {
  readonly state?: readonly string[];
  readonly before?: string;
  readonly limit: number;
  readonly timeout?: number;
  readonly json?: true;
}

function listCommand(environment: Environment): Command {
  return new Command("list")
    .description("actions, newest first")
    .addOption(
      withChoices(
        new Option("--state <state>", "in this state only; may be repeated").argParser(collect),
        actionStates,
      ),
    )
    .option("--before <id>", "actions before this one", deadLetterId)
    .option("--limit <number>", "how many on a page", wholeNumberUpTo(1000), 50)
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async ({ state, before, limit, timeout, json }: ListOptions) => {
      assertKnown("--state", state ?? [], actionStates);
      const states = state as readonly ActionState[] | undefined;
      const chosen = { ...(states ? { states } : {}), ...(before ? { before } : {}) };
      const url = readCentralUrl(environment);
      const limits = timeout === undefined ? {} : { timeout };
      // One more than the page has, to know whether there is another page.
      const asked = await readActions(url, limits, { ...chosen, limit: limit + 1 });
      const found = asked.answers.flat();
      const last = found.length > limit ? found[limit - 1] : undefined;
      const answers = asked.answers.map((actions) => actions.slice(0, limit));
      showRows(
        { ...asked, answers },
        {
          json: json === true,
          name: "actions",
          describe: describeRow,
          meaningOf,
          next: last === undefined ? [] : [`--before ${last.id}`],
        },
      );
    });
}

const meaningOf = coloured({
  state: { failed: "bad", paused: "warning", "running, without a runner": "warning" },
});

function describeRow(action: ActionSummary) {
  const { id, kind, expected, moved, alreadyMerged, remaining, rate, actor } = action;
  return {
    id,
    kind,
    state: stateOf(action),
    expected,
    moved,
    merged: alreadyMerged,
    remaining,
    rate,
    actor,
    started: action.startedAt.replace(/\.\d+Z$/, "Z"),
    reason: shorten(action.reason, 60),
  };
}

function addControlOptions(command: Command): Command {
  return command
    .option("--reason <why>", "why you do it; kept with the action")
    .option("--actor <who>", "who does it; default: your user and host")
    .option("--json", "one JSON document on standard output");
}

/** @throws where there is no such action, or it can't be so. */
async function control(
  central: Pool,
  id: string,
  verb: ControlVerb | "rate",
  options: ControlOptions,
  rate?: number | null,
) {
  const { actor } = whoActs(options.actor);
  const { reason } = options;
  const request = { actor, ...(reason ? { reason } : {}), ...(rate === undefined ? {} : { rate }) };
  const done = await controlAction(central, id, verb, request);
  if (done === undefined) throw noSuchAction(id);
  if (done.isDone) return done;
  throw new Error(`action ${id} is ${done.state}, and can't ${participles[verb]} any more`);
}

const participles: Readonly<Record<ControlVerb | "rate", string>> = {
  pause: "be paused",
  resume: "be resumed",
  cancel: "be cancelled",
  rate: "be given a rate",
};

function controlCommand(
  environment: Environment,
  verb: Exclude<ControlVerb, "resume">,
  description: string,
): Command {
  const command = addControlOptions(new Command(verb))
    .description(`${description}; works from anywhere`)
    .argument("<id>", "its number, as `list` shows it", deadLetterId);
  return command.action(async (id: string, options: ControlOptions) => {
    await withCentral(environment, async (central) => {
      const { isRunning, isChanged, state } = await control(central, id, verb, options);
      // Its figures are final only once its sources move nothing more; a runner sees to that by itself.
      if (verb === "cancel" && !isRunning) await settleAction(command, environment, central, id);
      const text = `action ${id} ${isChanged ? "is" : "was"} ${state}${isChanged ? "" : " before"}`;
      print(options.json ? JSON.stringify(await findAction(central, id)) : text);
    });
  });
}

function rateCommand(environment: Environment): Command {
  return addControlOptions(new Command("rate"))
    .description("limits how many messages a second an action moves; works from anywhere")
    .argument("<id>", "its number, as `list` shows it", deadLetterId)
    .argument("<number>", "messages a second, or `none` for as fast as it goes", rateOrNone)
    .action(async (id: string, rate: number | "none", options: ControlOptions) => {
      await withCentral(environment, async (central) => {
        const wanted = rate === "none" ? null : rate;
        await control(central, id, "rate", options, wanted);
        const text = `action ${id}: ${wanted === null ? "no limit" : `${wanted} a second at most`}`;
        print(options.json ? JSON.stringify(await findAction(central, id)) : text);
      });
    });
}

function rateOrNone(text: string): number | "none" {
  if (text === "none") return text;
  try {
    return positiveNumber(text);
  } catch {
    throw new InvalidArgumentError("It must be a number above 0, or `none`.");
  }
}

interface ResumeOptions extends ControlOptions {
  readonly from?: string;
}

function resumeCommand(environment: Environment): Command {
  const command = addControlOptions(new Command("resume"))
    .description(
      "continues an action here, unless the process that runs it is alive: then it continues there",
    )
    .argument("[id]", "its number; without one, every action whose process is gone", deadLetterId)
    .option(
      "--from <file>",
      "of an edit, the changed message; of an import, the file that it was begun with; - is standard input",
    );
  return command.action(async (id: string | undefined, options: ResumeOptions) => {
    const { from, json } = options;
    if (from !== undefined && id === undefined) {
      return command.error("error: --from is the file of one action: give its number, too");
    }
    await withCentral(environment, async (central) => {
      const waiting = id === undefined ? await listWaitingActions(central) : [];
      const running = waiting.filter(({ state }) => state === "running");
      const withFile = running.filter(takesFile);
      const ids =
        id === undefined ? running.filter((one) => !takesFile(one)).map((one) => one.id) : [id];
      const toRun: string[] = [];
      for (const one of ids) {
        const { isRunning } = await control(central, one, "resume", options);
        if (!isRunning || !(await isAlive(central, one))) toRun.push(one);
      }
      const [first] = toRun;
      const left =
        from !== undefined && first !== undefined
          ? await continueWithFile(command, environment, central, { id: first, from })
          : await continueActions(command, environment, central, toRun);
      const actions = await Promise.all(ids.map((one) => findAction(central, one)));
      if (json) print(JSON.stringify(id === undefined ? actions : actions[0]));
      else {
        const lines = [...actions.map(describeResumed), ...withFile.map(describeFile)];
        print(lines.join("\n") || "no action waits for a runner");
      }
      if (left !== undefined) throw left;
    });
  });
}

function describeFile({ id, kind }: ActionSummary): string {
  return `action ${id} is an ${kind}, and takes its file: centralcloud actions resume ${id} --from FILE`;
}

/** Whether the runner of an action says again that it lives; if it was killed, its lease is waited for. */
async function isAlive(central: Pool, id: string): Promise<boolean> {
  const first = await findAction(central, id);
  for (;;) {
    const { runner, leaseUntil } = await findAction(central, id);
    if (runner === null) return false;
    if (leaseUntil !== first.leaseUntil) return true;
    await setTimeout(250);
  }
}

function describeResumed(action: ActionSummary): string {
  const { id, state, moved, remaining, runner } = action;
  const by = runner === null ? "" : `, by ${runner}`;
  return `action ${id} is ${state}${by}: ${moved} moved, ${remaining ?? 0} remain`;
}
