import { findLetter, type Judgement, type Letter } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../../format-table.ts";
import { printable, shorten } from "../../printable.ts";
import { indentJson, RawJson, writeJson } from "../../raw-json.ts";
import { readJudge } from "./judge.ts";
import { withScope } from "./scope.ts";
import { addScopeOptions, type ScopeOptions } from "./selection.ts";

export function showCommand(environment: Environment): Command {
  const command = new Command("show")
    .description("one letter whole, with its history, and what would become of its message now")
    .argument("<id>", "the letter's id, as `dlq list` shows it");
  return addScopeOptions(command)
    .option("--json", "one JSON document on standard output")
    .action(async (id: string, options: ScopeOptions & { readonly json?: true }) => {
      const judge = await readJudge(environment);
      await withScope(command, environment, options, async (scope) => {
        const letter = await findLetter(scope, id, judge);
        console.log(options.json ? formatJson(letter) : formatText(letter));
      });
    });
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
