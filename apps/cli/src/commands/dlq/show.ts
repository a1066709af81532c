import {
  chooseLetter,
  findLetters,
  type Judgement,
  type Letter,
  type LetterQuestion,
  parseLetterId,
  SelectionError,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { printable, shorten } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import { indentJson, RawJson, writeJson } from "../../raw-json.ts";
import { assertComplete, type SourceOptions, timeoutOption } from "../../sources.ts";
import { readJudge } from "./judge.ts";
import { askScopes, letterAnswerBytes, readUsage } from "./scope.ts";
import { addScopeOptions, letterId, type ScopeOptions } from "./selection.ts";

export function showCommand(environment: Environment): Command {
  const command = new Command("show")
    .description(
      "one dead letter, complete, with its history, and whether its message would be accepted now",
    )
    .argument(
      "[id]",
      "the id of the dead letter: that of `dlq list`, and `deadLetterId` of the log",
    )
    .option("--message-id <id>", "the dead letter of this message: `msgId` of the log", letterId);
  return addScopeOptions(command)
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async (id: string | undefined, { messageId, ...options }: ShowOptions) => {
      const question = await readUsage(command, () => readQuestion(id, messageId));
      const judge = await readJudge(environment);
      const limits = { ...options, answerBytes: letterAnswerBytes };
      const asked = await askScopes(command, environment, limits, (scope) =>
        findLetters(scope, question, judge),
      );
      const found = asked.answers.flat();
      // It may be at a source that did not answer.
      if (found.length === 0) assertComplete(asked);
      const letter = await readUsage(command, () => chooseLetter(question, found, judge));
      print(options.json ? formatJson(letter) : formatText(letter));
      assertComplete(asked);
    });
}

/** @throws {SelectionError} */
function readQuestion(id: string | undefined, messageId: string | undefined): LetterQuestion {
  if (id !== undefined && messageId === undefined) return { id: parseLetterId(id) };
  if (id === undefined && messageId !== undefined) return { messageId };
  throw new SelectionError("give the letter's own id, or --message-id with that of its message");
}

interface ShowOptions extends ScopeOptions, SourceOptions {
  readonly messageId?: string;
  readonly json?: true;
}

function formatJson({ body, headers, history, code, error, ...letter }: Letter): string {
  return writeJson({
    ...letter,
    error: { code, message: error },
    history: new RawJson(history),
    headers: rawOrNull(headers),
    letter: rawOrNull(body),
  });
}

function rawOrNull(text: string | null): RawJson | null {
  return text === null ? null : new RawJson(text);
}

/** A longer letter is cut for people; `--json` has all of it. */
const maxShown = 32_768;

function formatText(letter: Letter): string {
  const { id, queue, source, at, reason, code, error, headers, replayCount, firstSentAs } = letter;
  const body = letter.body ?? "null";
  const replays =
    replayCount === 0 ? "never" : `${replayCount} times, first sent as ${firstSentAs}`;
  return [
    `letter    ${id} of ${queue} at ${shorten(source, 100)}`,
    `message   ${letter.messageId === null ? "of an unknown id" : `${shorten(letter.messageId, 40)} in ${queue}, before it died`}`,
    `died      ${at}`,
    `reason    ${shorten(reason ?? "none given", 100)} (${shorten(code ?? "no code", 100)})`,
    `error     ${printable(error ?? "none given")}`,
    `replayed  ${replays}`,
    ...(headers === null ? [] : [`headers   ${shorten(headers, 2_000)}`]),
    ...describeArchived(letter),
    ...describeNow(letter.now),
    "",
    "history",
    formatTable(historyOf(letter)),
    "",
    "letter",
    body.length <= maxShown
      ? printableLines(indentJson(body))
      : `${printable(body.slice(0, maxShown))}… (${body.length} characters; --json shows all)`,
  ].join("\n");
}

function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

function describeArchived({ archived }: Letter): readonly string[] {
  if (archived === null) return [];
  const { at, action, actionId, newMessageId } = archived;
  const how = action === null ? "by hand" : `${shorten(action, 40)}, action ${actionId}`;
  const as = newMessageId === null ? "" : `, sent as message ${newMessageId}`;
  return [`archived  ${at} (${how}${as}); it is not in the dead-letter queue any more`];
}

function describeNow({ accepted, contract, issues, note }: Judgement): readonly string[] {
  const verdict = {
    true: "it would be accepted: the contract finds nothing against the message",
    false: "it would be refused again",
    null: "the contract accepts it; whether it would be accepted is not known",
  }[`${accepted}`];
  const because = note === null ? "" : `: ${note}`;
  const tail =
    contract === true && accepted ? ". What refused it was not the contract, or an older one" : "";
  return [
    `now       ${verdict}${because}${tail}`,
    ...issues.map(({ message, code }) => `          ${printable(message)} (${code})`),
  ];
}

/** Letters of other clients may have anything in their history. */
function historyOf({ history }: Letter) {
  const attempts = JSON.parse(history) as readonly unknown[];
  return attempts.map((attempt) => {
    const { at, consumer, error } = Object(attempt) as Readonly<Record<string, unknown>>;
    const { code, message } = Object(error) as Readonly<Record<string, unknown>>;
    return {
      at: cell(at, 40),
      consumer: cell(consumer, 40),
      code: cell(code, 30),
      error: cell(message, 100),
    };
  });
}

function cell(value: unknown, length: number): string | null {
  if (value === undefined || value === null) return null;
  return shorten(typeof value === "string" ? value : JSON.stringify(value), length);
}
