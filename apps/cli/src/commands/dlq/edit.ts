import type { ActionRequest } from "@centralcloud/central";
import {
  checkEdit,
  chooseDeadLetter,
  type DeadLetterFilter,
  DeadLetterNotFoundError,
  type DeadLetterQuestion,
  EditRefusedError,
  findDeadLetters,
  type JudgeOptions,
  parseDeadLetterId,
  type ReplayReport,
  replayDeadLetters,
  SelectionError,
} from "@centralcloud/dead-letters";
import { type Environment, printable } from "@centralcloud/service";
import { Command } from "commander";
import {
  ask,
  canAsk,
  createEditedFile,
  type EditedFile,
  editorOf,
  formatDiff,
  openInEditor,
  tellKept,
} from "../../edit-text.ts";
import { readNamedFile } from "../../files.ts";
import { paint, print, printError } from "../../output.ts";
import { interruptible } from "../../progress.ts";
import { indentJson } from "../../raw-json.ts";
import { assertComplete } from "../../sources.ts";
import { readTogether } from "../read-together.ts";
import { type ActionOptions, addActionOptions, failUnlessDone, readRequest } from "./action.ts";
import { readJudge } from "./judge.ts";
import { recordReveal } from "./reveal.ts";
import {
  askScopes,
  deadLetterAnswerBytes,
  readDatabases,
  readUsage,
  withCentral,
  withCentralScope,
} from "./scope.ts";
import { addScopeOptions, deadLetterId, type ScopeOptions } from "./selection.ts";

interface EditOptions extends ScopeOptions, ActionOptions {
  readonly messageId?: string;
  readonly from?: string;
  readonly yes?: true;
}

export function editCommand(environment: Environment): Command {
  const command = new Command("edit")
    .description(
      "changes the message of one dead letter in an editor and sends it; the original is kept in the archive",
    )
    .argument("[id]", "the id of the dead letter: that of `dlq list`")
    .option(
      "--message-id <id>",
      "the dead letter of this message: `msgId` of the log",
      deadLetterId,
    )
    .option("--from <file>", "the changed message, instead of an editor; - is standard input")
    .option("--yes", "sends it without asking, if the contract accepts it");
  return addActionOptions(addScopeOptions(command)).action(
    async (id: string | undefined, options: EditOptions) => {
      const { request, question, judge } = await readTogether({
        request: () => readRequest(options),
        question: () => readQuestion(id, options),
        judge: () => readJudge(environment),
        databases: () => readDatabases(environment),
        answer: () => assertAnswer(options),
      });
      const original = await readOriginal(command, environment, options, { question, judge });
      await recordLook(environment, request, original);
      const edit = new Edit(command, environment, options, original, judge);
      const text = await (options.from === undefined ? edit.inEditor() : edit.fromFile()).catch(
        (error: unknown) => {
          if (!(error instanceof EditRefusedError)) throw error;
          return command.error("error: nothing was sent: the contract refuses the changed message");
        },
      );
      const report = await edit.send(text, request);
      await edit.forget();
      const { moved: _, settledBefore: alreadyReplayed, ...rest } = report;
      print(
        options.json ? JSON.stringify({ ...rest, alreadyReplayed }) : describe(original, report),
      );
      failUnlessDone(report, "the same command");
    },
  );
}

/** Whoever looks at a message and sends nothing has seen it nevertheless. */
async function recordLook(
  environment: Environment,
  { idempotencyKey: _, ...request }: ActionRequest,
  { id, sourceId, queue }: Original,
): Promise<void> {
  const selection = { ids: [id], queues: [queue], sourceId };
  await withCentral(environment, (central) =>
    recordReveal(central, request, selection, async () => {}),
  );
}

function describe({ id }: Original, { actionId, alreadyMerged }: ReplayReport): string {
  return alreadyMerged > 0
    ? `archived dead letter ${id} (action ${actionId}), and sent nothing: the central store has merged its original message`
    : `sent the changed message of dead letter ${id} (action ${actionId})`;
}

/** @throws {SelectionError} */
function readQuestion(id: string | undefined, { messageId }: EditOptions): DeadLetterQuestion {
  if (id !== undefined && messageId === undefined) return { id: parseDeadLetterId(id) };
  if (id === undefined && messageId !== undefined) return { messageId };
  throw new SelectionError(
    "give the id of the dead letter, or --message-id with that of its message",
  );
}

/** @throws {SelectionError} where nobody can be asked whether to send it. */
function assertAnswer({ yes, from }: EditOptions): void {
  if (yes) return;
  if (from === "-") throw new SelectionError("--from - reads standard input, so give --yes, too");
  if (!canAsk()) throw new SelectionError("nobody can be asked here before it is sent: give --yes");
}

interface Original {
  readonly id: string;
  readonly sourceId: string;
  readonly queue: NonNullable<ScopeOptions["queue"]>[number];
  /** The message as the database has it, on several lines: every digit is kept. */
  readonly text: string;
}

/** Messages that were refused for their size can be made smaller. */
const maxEditedBytes = 64 * 1024 * 1024;

async function readOriginal(
  command: Command,
  environment: Environment,
  options: ScopeOptions,
  { question, judge }: { readonly question: DeadLetterQuestion; readonly judge: JudgeOptions },
): Promise<Original> {
  const limits = { ...options, answerBytes: deadLetterAnswerBytes };
  const whole = { ...judge, maxMessageBytes: maxEditedBytes };
  const asked = await askScopes(command, environment, limits, (scope) =>
    findDeadLetters(scope, question, whole),
  );
  // It may be at a source that did not answer.
  assertComplete(asked);
  const found = asked.answers.flat();
  const deadLetter = await readUsage(command, () => chooseDeadLetter(question, found, judge));
  const { id, queue, sourceId, archived } = deadLetter;
  if (archived !== null) {
    const how = archived.actionId === null ? "" : ` by action ${archived.actionId}`;
    throw new Error(`dead letter ${id} is in the archive already: it was moved there${how}`);
  }
  const row = found.find(
    ({ place, row: one, isArchived }) =>
      !isArchived && one.id === id && place.queue === queue && place.source.sourceId === sourceId,
  )?.row;
  if (row?.original === undefined || row.original === null) {
    throw new DeadLetterNotFoundError(
      `dead letter ${id} has no original message that an editor could be given`,
    );
  }
  return { id, queue, sourceId, text: `${indentJson(row.original)}\n` };
}

/** One message on its way through the editor, the contract and the question. */
class Edit {
  readonly #command: Command;
  readonly #environment: Environment;
  readonly #options: EditOptions;
  readonly #original: Original;
  readonly #judge: JudgeOptions;
  #file: EditedFile | undefined;

  constructor(
    command: Command,
    environment: Environment,
    options: EditOptions,
    original: Original,
    judge: JudgeOptions,
  ) {
    this.#command = command;
    this.#environment = environment;
    this.#options = options;
    this.#original = original;
    this.#judge = judge;
  }

  /** Takes away what was kept in case that it is not sent. */
  async forget(): Promise<void> {
    await this.#file?.remove();
  }

  async fromFile(): Promise<string> {
    const { from = "" } = this.#options;
    const text = await readNamedFile(this.#environment, "--from", from);
    if (text.trim() === this.#original.text.trim())
      throw new NothingSentError("the text is unchanged");
    const problems = await this.#show(text);
    if (problems !== undefined) throw problems;
    if ((await this.#ask("Send it? [y/N] ")) !== "y") throw new NothingSentError("you said no");
    return text;
  }

  /** The text, once its contract accepts it and somebody said yes. What is not sent is kept, and its file named. */
  async inEditor(): Promise<string> {
    const { id, text: original } = this.#original;
    const file = await createEditedFile(`dead-letter-${id}.json`, original);
    this.#file = file;
    try {
      for (;;) {
        await openInEditor(editorOf(this.#environment), file.path);
        const text = await file.read();
        if (text.trim() === original.trim()) throw new NothingSentError("the text is unchanged");
        const problems = await this.#show(text);
        if (problems !== undefined && !canAsk()) throw problems;
        const wording = problems === undefined ? "Send it? [y/N/e to edit] " : "Edit again? [y/N] ";
        const answer = problems !== undefined && this.#options.yes ? "n" : await this.#ask(wording);
        if (problems === undefined && answer === "y") return text;
        if (problems !== undefined && answer !== "y") throw problems;
        if (problems === undefined && answer !== "e") throw new NothingSentError("you said no");
      }
    } catch (error) {
      tellKept(file.path);
      throw error;
    }
  }

  /** Sends it, and keeps the text where that fails. */
  async send(edit: string, request: ActionRequest): Promise<ReplayReport> {
    const { id } = this.#original;
    try {
      const report = await this.#inScope((scope, central) =>
        interruptible((signal) =>
          replayDeadLetters(
            scope,
            { ids: [id] },
            { central, request, judge: this.#judge, edit, signal },
          ),
        ),
      );
      const [before] = report.settledBefore;
      if (before === undefined) return report;
      const by = before.actionId === null ? "" : `, by action ${before.actionId}`;
      throw new NothingSentError(`dead letter ${id} was moved meanwhile${by}`);
    } catch (error) {
      if (this.#file !== undefined) tellKept(this.#file.path);
      throw error;
    }
  }

  /** Shows what was changed and what the contract says. @returns what speaks against it. */
  async #show(text: string): Promise<EditRefusedError | undefined> {
    const filter: DeadLetterFilter = { ids: [this.#original.id] };
    printError(formatDiff(this.#original.text, text.endsWith("\n") ? text : `${text}\n`));
    printError("");
    const refused = await this.#inScope(async (scope) => {
      try {
        await checkEdit(scope, filter, text, this.#judge);
        return undefined;
      } catch (error) {
        if (error instanceof EditRefusedError) return error;
        throw error;
      }
    });
    if (refused === undefined) {
      printError(paint("good", "The contract accepts the changed message."));
      return undefined;
    }
    printError(paint("bad", "The contract refuses the changed message:"));
    for (const line of refused.message.split("\n")) printError(`  ${printable(line)}`);
    return refused;
  }

  #inScope<Result>(work: Parameters<typeof withCentralScope<Result>>[3]): Promise<Result> {
    const { queue, sourceId } = this.#original;
    const where = { queue: [queue], source: [sourceId] };
    return withCentralScope(this.#command, this.#environment, where, work);
  }

  async #ask(question: string): Promise<string> {
    return this.#options.yes ? "y" : await ask(question);
  }
}

class NothingSentError extends Error {
  constructor(reason: string) {
    super(`nothing was sent: ${reason}`);
    this.name = "NothingSentError";
  }
}
