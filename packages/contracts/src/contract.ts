import type * as z from "zod";
import {
  describeIssues,
  type Issue,
  type IssueCode,
  issueOfMessage,
  mustBeObject,
} from "./issues.ts";
import {
  mayHoldRoundedNumbers,
  quoteLongNumerals,
  reasonNotNestable,
  reasonNotStorable,
} from "./json-text.ts";
import type { ShownFields } from "./shown-fields.ts";

export type Checked<Message> =
  | {
      readonly ok: true;
      /** The message's object as it was written, for SQL to read. Never encoded anew. */
      readonly document: string;
      /** The same, parsed and otherwise unchanged: no defaults, and numbers rounded to doubles. */
      readonly value: Message;
    }
  | Refused;

export interface Refused {
  readonly ok: false;
  /** At least one, and at most `maxIssues`. */
  readonly issues: Issue[];
}

/** The row of a source that a message is made of, as change capture has it. */
export interface CapturedRow {
  readonly table: string;
  /** Its column that has the message's time. */
  readonly time: string;
  /** Whose row it is: that of the agent, or of the session, that the message names. */
  readonly of: "agent" | "session";
}

interface Definition<Queue extends string, Message, Tables, Captured> {
  readonly queue: Queue;
  /** The `schema` header of such messages. */
  readonly version: string;
  readonly schema: z.ZodType<Message>;
  /** The function of the schema `central` that merges such messages. */
  readonly merge: `merge_${string}`;
  /** The tables of the schema `central` that it writes to, beside the ledger. */
  readonly tables: Tables;
  /** The key of a message's time: when it was learned, or as of when it is. */
  readonly time: keyof Message & string;
  /** Null where a message is made of no single row; then `reconcile` can't compare the queue with the change log. */
  readonly captured: Captured;
  /** What of a message may be shown to somebody who may not read contents; all else is masked. */
  readonly shown: ShownFields;
  /** Whether a number of an accepted message was perhaps only accepted because parsing rounded it. */
  mayHideDigits(message: Message): boolean;
}

type Tables = readonly string[];
type Captured = CapturedRow | null;

export interface Contract<Queue extends string, Message, Of extends Tables, Row extends Captured>
  extends Omit<Definition<Queue, Message, Of, Row>, "mayHideDigits"> {
  /**
   * Decides about the text of a message as it came out of a jsonb column; `null` is SQL's. Takes a few microseconds, and
   * never throws, whatever the text.
   */
  check(text: string | null): Checked<Message>;
}

export function defineContract<
  const Queue extends string,
  Message,
  const Of extends Tables,
  const Row extends Captured,
>({
  mayHideDigits,
  ...named
}: Definition<Queue, Message, Of, Row>): Contract<Queue, Message, Of, Row> {
  const { schema } = named;

  function issuesOf(value: unknown): Issue[] | undefined {
    // without options first: they cost more than all of the rest, and most messages are valid
    if (schema.safeParse(value).success) return undefined;
    const { error } = schema.safeParse(value, { reportInput: true });
    return error && describeIssues(error.issues);
  }

  function checkDocument(document: string, parsed: unknown): Checked<Message> {
    const issues = issuesOf(parsed);
    if (issues !== undefined) return { ok: false, issues };
    const value = parsed as Message; // the schema transforms nothing, so its copy is not needed
    if (mayHideDigits(value) && mayHoldRoundedNumbers(document)) {
      const exactIssues = issuesOf(JSON.parse(quoteLongNumerals(document)));
      if (exactIssues !== undefined) return { ok: false, issues: exactIssues };
    }
    return { ok: true, document, value };
  }

  function check(text: string | null): Checked<Message> {
    if (text === null) return refuse("required", "is empty (SQL NULL)");
    const outer = parse(text);
    if (outer === unparsable) return refuse("not_json", "is not JSON");
    if (typeof outer !== "string") {
      const reason = reasonNotNestable(text);
      return reason === undefined ? checkDocument(text, outer) : refuseToStore(reason);
    }

    // Encoded twice, as some clients do. jsonb has seen only a string: whether it would store the inner document, too,
    // is for us to find out.
    const inner = parse(outer);
    if (inner === unparsable) return refuse("not_json", "is a string that does not hold JSON");
    if (typeof inner === "string") return refuse("wrong_type", mustBeObject);
    const reason = reasonNotStorable(outer);
    if (reason !== undefined) return refuseToStore(reason);
    return checkDocument(outer, inner);
  }

  return { ...named, check };
}

function refuse(code: IssueCode, predicate: string): Refused {
  return { ok: false, issues: [issueOfMessage(code, predicate)] };
}

function refuseToStore(reason: string): Refused {
  return refuse("not_storable", `${reason}, which can't be stored`);
}

const unparsable = Symbol("unparsable");

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return unparsable; // the error quotes the text, so it goes no further
  }
}
