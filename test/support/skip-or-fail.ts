import type { TestProject } from "vitest/node";
import { ImageMissingError } from "./build-image.ts";

/**
 * Says to the project's files that their containers can't be had: each is skipped, or fails where they are
 * required, which is in CI, with `REQUIRE_FULL_PROFILE=true`, and when the fault is our own.
 *
 * @returns what vitest is to call at the end, where it is seen.
 */
export function skipOrFail(project: TestProject, error: unknown): (() => void) | undefined {
  const required =
    !(error instanceof ImageMissingError) ||
    Boolean(process.env.CI) ||
    process.env.REQUIRE_FULL_PROFILE === "true";
  const missing = (error as Error).message;
  project.provide("fullProfile", { missing, required });
  if (required) return undefined;
  return () => console.warn(`The tests of the project ${project.name} were skipped: ${missing}`);
}
