/** A selection of dead letters, or of archived messages, can't be what was meant. */
export class SelectionError extends Error {
  readonly code = "selection_invalid";
  constructor(message: string) {
    super(message);
    this.name = "SelectionError";
  }
}

/** An edit or an import is continued with what its operator had in a file, which is kept nowhere. */
export class ActionFileNeededError extends SelectionError {
  constructor(id: string, kind: string) {
    const what = kind === "edit" ? "the changed message" : "the file that it was begun with";
    super(
      `action ${id} is an ${kind}, whose file is kept nowhere: \`centralcloud actions resume ${id} --from FILE\` ` +
        `continues it with ${what}`,
    );
    this.name = "ActionFileNeededError";
  }
}

/** Nothing was changed, because some dead letters that were named are not there. */
export class DeadLetterNotFoundError extends Error {
  readonly code = "dead_letter_not_found";
  constructor(message: string) {
    super(message);
    this.name = "DeadLetterNotFoundError";
  }
}

/** The message that should replace a dead letter's original would be dead-lettered again. */
export class EditRefusedError extends Error {
  readonly code = "edit_refused";
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("; "));
    this.name = "EditRefusedError";
  }
}

/** A line of an export can't be put back. Lines are counted from 1. */
export class ImportLineError extends Error {
  readonly code = "import_line_invalid";
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = "ImportLineError";
  }
}

/** Operators move what is there; who enters something, or gives a source another id, is its administrator. */
export type ActingRole = "centralcloud_operator" | "centralcloud_owner";

/** The login may not do what was asked; nothing was changed. */
export class MissingRightsError extends Error {
  readonly code = "missing_rights";
  /** @param role whose members may do it. */
  constructor(
    database: string,
    login: string,
    missing: readonly string[],
    role: ActingRole = "centralcloud_operator",
  ) {
    super(
      `on ${database} the login ${login} lacks ${missing.join(", ")}. ` +
        `This takes a member of ${role}; let an administrator of that server run: ` +
        `grant ${role} to "${login}"`,
    );
    this.name = "MissingRightsError";
  }
}

/** What would be done is not what its preview has shown; nothing was changed. */
export class DriftError extends Error {
  readonly code = "selection_drifted";
  constructor(problem: string) {
    super(`${problem}; nothing was changed: look at a new preview with --dry-run`);
    this.name = "DriftError";
  }
}

/** Somebody else runs the action, or it can't be run. */
export class ActionUnavailableError extends Error {
  readonly code = "action_unavailable";
  constructor(id: string, state: string | undefined, runner: string | null) {
    super(
      state === undefined
        ? `there is no action ${id}; see \`centralcloud actions list\``
        : runner === null
          ? `action ${id} is ${state}, and can't be continued`
          : `action ${id} is ${state}, and ${runner} works on it; see \`centralcloud actions show ${id}\``,
    );
    this.name = "ActionUnavailableError";
  }
}

/**
 * How a runner has lost its action.
 *
 * - `taken`: another runner has it, because this one was silent for the whole of its lease.
 * - `gone`: the central store does not know it any more.
 * - `older`: the central store knows it as it was before this runner had it.
 * - `forgotten`: the source does not know any more how far it was.
 */
export type ActionLoss = "taken" | "gone" | "older" | "forgotten";

const lossWords: Readonly<Record<ActionLoss, (id: string) => string>> = {
  taken: (id) =>
    `another process has claimed action ${id}, since this one did not report in time; the action continues there`,
  gone: (id) =>
    `the central store does not know action ${id} any more: it lost transactions, or a backup was restored. ` +
    "What was moved until now stays moved, and nothing of it would be moved again: give the command again for the rest, " +
    "under the action that it then gets",
  older: (id) =>
    `the central store has an older state of action ${id}: it lost transactions, or a backup was restored. What was moved ` +
    `until now stays moved: \`centralcloud actions resume ${id}\` continues from there`,
  forgotten: (id) =>
    `the source does not know any more how far action ${id} was there: it was restored, or its row of ` +
    `operator_action_progress was deleted. \`centralcloud actions resume ${id}\` continues with what is selected now`,
};

/** The runner does not have the action any more, and moves nothing more of it. */
export class ActionLostError extends Error {
  readonly code = "action_lost";
  readonly loss: ActionLoss;
  constructor(id: string, loss: ActionLoss = "taken") {
    super(lossWords[loss](id));
    this.name = "ActionLostError";
    this.loss = loss;
  }
}
