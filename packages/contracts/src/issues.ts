/**
 * What is wrong with a message, in sentences for an operator. They are built from the contract's own words and the names
 * of its own fields, so no part of the message can leak into a log or a dead letter.
 */
import type { core } from "zod";

/** Stable: dashboards and scripts may compare them. */
export const issueCodes = [
  "required", // a field is missing or null
  "wrong_type",
  "wrong_length",
  "out_of_range", // a number
  "malformed", // a string that isn't what it should spell
  "conflict", // fields that exclude each other
  "not_json",
  "not_storable", // JSON that PostgreSQL's jsonb refuses
  "more", // stands for the issues beyond the limit
] as const;

export type IssueCode = (typeof issueCodes)[number];

export interface Issue {
  /** `agents[3].confidence`; empty for the message as a whole. */
  readonly path: string;
  readonly code: IssueCode;
  /** Complete sentence without a full stop; never holds a value of the message. */
  readonly message: string;
}

/** At most so many issues are told of one message, the note about the rest included. */
export const maxIssues = 20;

/** Lists stop being checked here, so that a message full of mistakes costs milliseconds and not seconds. */
export const maxIssuesFound = 1000;

export const mustBeObject = "must be a JSON object";

export function issueOfMessage(code: IssueCode, predicate: string): Issue {
  return { path: "", code, message: `the message ${predicate}` };
}

/** Expects issues that Zod reported with their input (`reportInput`); the input decides the code and goes no further. */
export function describeIssues(found: readonly core.$ZodIssue[]): Issue[] {
  if (found.length <= maxIssues) return found.map(describeIssue);
  const told = found.slice(0, maxIssues - 1).map(describeIssue);
  const more = found.length - told.length;
  const atLeast = found.length < maxIssuesFound ? "" : "at least ";
  return [...told, issueOfMessage("more", `has ${atLeast}${more} more issues`)];
}

function describeIssue(issue: core.$ZodIssue): Issue {
  const path = pathOf(issue.path);
  const subject = path === "" ? "the message" : path;
  const isField = path !== "";
  if (isField && issue.input === undefined) {
    return { path, code: "required", message: `${subject} is missing` };
  }
  if (isField && issue.input === null) {
    return { path, code: "required", message: `${subject} must not be null` };
  }
  return { path, code: codeOf(issue), message: `${subject} ${issue.message}` };
}

function codeOf(issue: core.$ZodIssue): IssueCode {
  switch (issue.code) {
    case "too_big":
    case "too_small":
      return issue.origin === "string" ? "wrong_length" : "out_of_range";
    case "invalid_format":
      return "malformed";
    case "custom": {
      const { code: given } = issue.params ?? {};
      return issueCodes.find((code) => code === given) ?? "wrong_type";
    }
    default:
      return "wrong_type";
  }
}

function pathOf(keys: readonly PropertyKey[]): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number") path += `[${key}]`;
    else path += path === "" ? String(key) : `.${String(key)}`;
  }
  return path;
}
