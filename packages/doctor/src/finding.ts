import type { ClientBase } from "pg";

export type Severity = "ok" | "warning" | "error";

/**
 * What `doctor --fix` does about a check result. Only what destroys nothing, changes no setting of the server and
 * can be done twice: everything else is a remedy for people.
 */
export interface Fix {
  /** The statement, or what happens in words. */
  readonly what: string;
  /** @param client a connection of its own, outside of a transaction, as the login that doctor has. */
  readonly run: (client: ClientBase, url: string) => Promise<void>;
}

/** What a check says of a database. What is not well comes with what to do about it. */
export type CheckResult =
  | { readonly severity: "ok"; readonly message: string }
  | {
      /** A warning: something will fail later, or only for some. An error: something fails now. */
      readonly severity: "warning" | "error";
      readonly message: string;
      readonly remedy: string;
      readonly fix?: Fix;
    };

/** A check result, with who says it of which database. */
export type Finding = CheckResult & {
  /** The check's name; stable. */
  readonly check: string;
  /** Which side, host, port and database; never a user or password. */
  readonly database: string;
  /** Why it matters; only of what is not well. */
  readonly why?: string;
};

export function ok(message: string): CheckResult {
  return { severity: "ok", message };
}

export function warning(message: string, remedy: string, fix?: Fix): CheckResult {
  return { severity: "warning", message, remedy, ...(fix === undefined ? {} : { fix }) };
}

export function error(message: string, remedy: string, fix?: Fix): CheckResult {
  return { severity: "error", message, remedy, ...(fix === undefined ? {} : { fix }) };
}

/** A fix that is one statement. */
export function runStatement(statement: string): Fix {
  return {
    what: statement,
    async run(client) {
      await client.query(statement);
    },
  };
}
