import { SelectionError } from "@centralcloud/dead-letters";
import { classifyFault, codeOf, messageOf, sqlState } from "@centralcloud/postgres";
import {
  type Answers,
  ConfigurationError,
  NoAnswerError,
  printable,
  type Silence,
  withoutContents,
} from "@centralcloud/service";

/** Whether an error means that a database is not there, does not answer, or does not let us in. */
export function isOutOfReach(error: unknown): boolean {
  const { owner, scope } = classifyFault(error);
  return owner === "nobody" && scope === "database";
}

/** What this build asks for, and a database does not have. */
const missingStates: readonly (string | undefined)[] = [
  sqlState.undefinedSchema,
  sqlState.undefinedTable,
  sqlState.undefinedFunction,
  sqlState.undefinedColumn,
];

/** Whether a function raised it, as ours do, to say what is to be done. */
const isRaised = (error: unknown) => codeOf(error)?.startsWith("P0") === true;

/**
 * The words of an error without what PostgreSQL may quote of a row, and with what makes that which a database lacks.
 * What a function raised is left whole: only who asked may see it.
 */
export function withMigration(error: unknown): string {
  const [message, code] = [messageOf(error), codeOf(error)];
  const isQuiet = code === undefined || isRaised(error);
  const reason = isQuiet ? message : withoutContents(message, code);
  if (!missingStates.includes(code)) return reason;
  return `a database is not migrated, or by another build than this: run \`centralcloud migrate\` (${reason})`;
}

/** The same, with what a login needs that a database has refused. */
export function withRemedy(error: unknown): string {
  const reason = withMigration(error);
  if (codeOf(error) !== sqlState.insufficientPrivilege) return reason;
  return (
    `${reason}: looking takes a member of centralcloud_viewer, acting one of centralcloud_operator, on both sides; ` +
    "let an administrator grant that role to the login"
  );
}

/** What one database could not be asked, and why. */
export interface Unanswered {
  readonly silence: Silence;
  readonly isUnreachable: boolean;
}

/**
 * What one database can't do is told. A mistake in what was asked is one everywhere, and ends the reading.
 *
 * @param source its name, or its address.
 */
export function describeSilence(source: string, error: unknown): Unanswered {
  // By its code, a page that others see leaves out what a function raised.
  const reason = isRaised(error) ? `${withRemedy(error)} (${codeOf(error)})` : withRemedy(error);
  if (error instanceof NoAnswerError) return { silence: { source, reason }, isUnreachable: true };
  const isUnreachable = isOutOfReach(error);
  if (isUnreachable) return { silence: { source, reason }, isUnreachable };
  // What a source answers may be of other types than ours, or of none.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
    const words = `what it answers can't be understood: ${reason}`;
    return { silence: { source, reason: words }, isUnreachable };
  }
  if (error instanceof SelectionError || error instanceof ConfigurationError) throw error;
  // Other errors that nobody has given a code are mistakes of ours.
  if (codeOf(error) === undefined) throw error;
  return { silence: { source, reason }, isUnreachable };
}

/** Something was not asked of every database that it was meant for. */
export class SourcesMissingError extends Error {
  readonly isUnreachable: boolean;
  constructor({ unreachable, failed }: Pick<Answers<unknown>, "unreachable" | "failed">) {
    const lines = [
      ...unreachable.map(
        ({ source, reason }) => `${printable(source)} can't be reached: ${printable(reason)}`,
      ),
      ...failed.map(
        ({ source, reason }) => `${printable(source)} could not be asked: ${printable(reason)}`,
      ),
    ];
    super(lines.join("\n"));
    this.name = "SourcesMissingError";
    this.isUnreachable = unreachable.length > 0;
  }
}

/** @throws {SourcesMissingError} */
export function assertComplete(answers: Answers<unknown>): void {
  const { unreachable, failed } = answers;
  if (unreachable.length + failed.length > 0) throw new SourcesMissingError(answers);
}
