import {
  type CheckResult,
  chooseDeadLetter,
  type DeadLetter,
  type DeadLetterQuestion,
  findDeadLetters,
  linesOfDeadLetter,
  maskDeadLetter,
  parseDeadLetterId,
  SelectionError,
} from "@centralcloud/dead-letters";
import { type Environment, printable, shorten } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import { RawJson, rawOrNull, writeJson } from "../../raw-json.ts";
import { assertComplete, type SourceOptions, timeoutOption } from "../../sources.ts";
import { readTogether } from "../read-together.ts";
import { readJudge } from "./judge.ts";
import { type RevealOptions, readReveal, recordReveal } from "./reveal.ts";
import {
  askScopes,
  deadLetterAnswerBytes,
  readDatabases,
  readUsage,
  withCentral,
} from "./scope.ts";
import { addScopeOptions, deadLetterId, type ScopeOptions } from "./selection.ts";

export function showCommand(environment: Environment): Command {
  const command = new Command("show")
    .description(
      "one dead letter with its history, what is wrong at its place, and whether its message would be accepted now; contents are masked",
    )
    .argument(
      "[id]",
      "the id of the dead letter: that of `dlq list`, and `deadLetterId` of the log",
    )
    .option(
      "--message-id <id>",
      "the dead letter of this message: `msgId` of the log",
      deadLetterId,
    );
  return addScopeOptions(command)
    .addOption(timeoutOption())
    .option(
      "--reveal",
      "shows contents, too; needs --reason, and is kept in central.operator_actions",
    )
    .option("--reason <why>", "with --reveal: why you look")
    .option("--actor <who>", "with --reveal: who looks; default: your user and host")
    .option("--json", "one JSON document on standard output")
    .action(async (id: string | undefined, { messageId, ...options }: ShowOptions) => {
      const { question, request, judge } = await readTogether({
        question: () => readQuestion(id, messageId),
        request: () => readReveal(options),
        judge: () => readJudge(environment),
        databases: () => readDatabases(environment, !options.reveal),
      });
      const limits = { ...options, answerBytes: deadLetterAnswerBytes };
      const asked = await askScopes(command, environment, limits, (scope) =>
        findDeadLetters(scope, question, judge),
      );
      const found = asked.answers.flat();
      // It may be at a source that did not answer.
      if (found.length === 0) assertComplete(asked);
      const deadLetter = await readUsage(command, () => chooseDeadLetter(question, found, judge));
      const show = async () => {
        const shown = options.reveal ? deadLetter : maskDeadLetter(deadLetter);
        const lines = options.json ? "" : formatLines(deadLetter, options.reveal ?? false);
        print(options.json ? formatJson(shown, !options.reveal) : formatText(shown, lines));
      };
      if (request === undefined) await show();
      else {
        const { source, sourceId, queue } = deadLetter;
        const selection = { ids: [deadLetter.id], queues: [queue], sources: [source], sourceId };
        await withCentral(environment, (central) =>
          recordReveal(central, request, selection, show),
        );
      }
      assertComplete(asked);
    });
}

/** @throws {SelectionError} */
function readQuestion(id: string | undefined, messageId: string | undefined): DeadLetterQuestion {
  if (id !== undefined && messageId === undefined) return { id: parseDeadLetterId(id) };
  if (id === undefined && messageId !== undefined) return { messageId };
  throw new SelectionError(
    "give the id of the dead letter, or --message-id with that of its message",
  );
}

interface ShowOptions extends ScopeOptions, SourceOptions, RevealOptions {
  readonly messageId?: string;
  readonly json?: true;
}

function formatJson(
  { body, headers, history, code, error, ...deadLetter }: DeadLetter,
  masked: boolean,
): string {
  return writeJson({
    ...deadLetter,
    masked,
    error: { code, message: error },
    history: new RawJson(history),
    headers: rawOrNull(headers),
    deadLetter: rawOrNull(body),
  });
}

/** A longer dead letter is cut for people; `--json` has all of it. */
const maxShown = 32_768;

function formatText(deadLetter: DeadLetter, lines: string): string {
  const { id, queue, source, at, reason, code, error, headers, replayCount, firstSentAs } =
    deadLetter;
  const replays =
    replayCount === 0 ? "never" : `${replayCount} times, first sent as ${firstSentAs}`;
  return [
    `dead letter    ${id} of ${queue} at ${shorten(source, 100)}`,
    `message   ${deadLetter.messageId === null ? "of an unknown id" : `${shorten(deadLetter.messageId, 40)} in ${queue}, before it died`}`,
    `died      ${at}`,
    `reason    ${shorten(reason ?? "none given", 100)} (${shorten(code ?? "no code", 100)})`,
    `error     ${printable(error ?? "none given")}`,
    `group     --fingerprint ${deadLetter.fingerprint}`,
    `replayed  ${replays}`,
    ...(headers === null ? [] : [`headers   ${shorten(headers, 2_000)}`]),
    ...describeArchived(deadLetter),
    ...describeNow(deadLetter.now),
    "",
    "history",
    formatTable(historyOf(deadLetter)),
    "",
    "deadLetter",
    lines,
  ].join("\n");
}

/** Deeper ones are indented no further. */
const maxIndented = 40;

/** The body in lines, with what is wrong beside the value that it is about. */
function formatLines(deadLetter: DeadLetter, revealed: boolean): string {
  const shown: string[] = [];
  let length = 0;
  for (const { depth, tokens, notes } of linesOfDeadLetter(deadLetter, revealed)) {
    const text = tokens
      .map((token) => token.text)
      .join("")
      .trim();
    const line = `${"  ".repeat(Math.min(depth, maxIndented))}${printable(text)}`;
    const rest = maxShown - length;
    shown.push(line.length <= rest ? line : `${line.slice(0, rest)}…`);
    for (const note of notes) shown.push(`${" ".repeat(line.search(/\S|$/))}^ ${printable(note)}`);
    length += line.length;
    if (length <= maxShown) continue;
    return [...shown, `… (${deadLetter.body?.length} characters; --json shows all)`].join("\n");
  }
  return shown.join("\n");
}

function describeArchived({ archived }: DeadLetter): readonly string[] {
  if (archived === null) return [];
  const { at, action, actionId, newMessageId } = archived;
  const how = action === null ? "by hand" : `${shorten(action, 40)}, action ${actionId}`;
  const as = newMessageId === null ? "" : `, sent as message ${newMessageId}`;
  return [`archived  ${at} (${how}${as}); it is not in the dead-letter queue any more`];
}

function describeNow({ accepted, contract, issues, note }: CheckResult): readonly string[] {
  const checkResult = {
    true: "it would be accepted: the contract finds nothing against the message",
    false: "it would be refused again",
    null: "the contract accepts it; whether it would be accepted is not known",
  }[`${accepted}`];
  const because = note === null ? "" : `: ${note}`;
  const tail =
    contract === true && accepted ? ". What refused it was not the contract, or an older one" : "";
  return [
    `now       ${checkResult}${because}${tail}`,
    ...issues.map(({ message, code }) => `          ${printable(message)} (${code})`),
  ];
}

/** Dead letters of other clients may have anything in their history. */
function historyOf({ history }: DeadLetter) {
  const attempts = JSON.parse(history) as readonly unknown[];
  return attempts.map((attempt) => {
    const error = fieldOf(attempt, "error");
    return {
      at: cell(fieldOf(attempt, "at"), 40),
      consumer: cell(fieldOf(attempt, "consumer"), 40),
      code: cell(fieldOf(error, "code"), 30),
      error: cell(fieldOf(error, "message"), 100),
    };
  });
}

/** Its own only: texts and lists have methods of such names. */
function fieldOf(value: unknown, name: string): unknown {
  const isHeld = typeof value === "object" && value !== null && Object.hasOwn(value, name);
  return isHeld ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function cell(value: unknown, length: number): string | null {
  if (value === undefined || value === null) return null;
  return shorten(typeof value === "string" ? value : JSON.stringify(value), length);
}
