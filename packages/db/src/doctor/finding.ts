export type Severity = "ok" | "warning" | "error";

/** What a check says of a database. What is not well comes with what to do about it. */
export type Verdict =
  | { readonly severity: "ok"; readonly message: string }
  | {
      /** A warning bites later or only some; an error bites now. */
      readonly severity: "warning" | "error";
      readonly message: string;
      readonly remedy: string;
    };

/** A verdict, with who says it of which database. */
export type Finding = Verdict & {
  /** The check's name. */
  readonly check: string;
  /** Which side, host, port and database; never a user or password. */
  readonly database: string;
};

export function ok(message: string): Verdict {
  return { severity: "ok", message };
}

export function warning(message: string, remedy: string): Verdict {
  return { severity: "warning", message, remedy };
}

export function error(message: string, remedy: string): Verdict {
  return { severity: "error", message, remedy };
}
