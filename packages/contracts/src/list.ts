import * as z from "zod";
import { maxIssuesFound } from "./issues.ts";
import { jsonSchemaOf } from "./json-schema.ts";

/**
 * An array of what `element` accepts. Unlike `z.array` it stops after {@link maxIssuesFound} issues: a megabyte of bad
 * elements would take `z.array` seconds, in which nothing else of the process runs.
 */
export function listOf<Element>(element: z.ZodType<Element>) {
  return z
    .custom<Element[]>()
    .check(({ value, issues }) => {
      if (!Array.isArray(value)) {
        issues.push({
          code: "invalid_type",
          expected: "array",
          input: value,
          message: "must be an array",
        });
        return;
      }
      for (const [index, item] of value.entries()) {
        // twice for a bad one only: the option costs more than the rest
        if (element.safeParse(item).success) continue;
        const { error } = element.safeParse(item, { reportInput: true });
        for (const issue of error?.issues ?? []) {
          // one of Zod's own issues again, which its type for reporting them doesn't see
          issues.push({ ...issue, path: [index, ...issue.path] } as z.core.$ZodRawIssue);
        }
        if (issues.length >= maxIssuesFound) return;
      }
    })
    .meta({ type: "array", items: jsonSchemaOf(element) });
}
