import { readdirSync } from "node:fs";
import { buildImage } from "./build-image.ts";

/** The top of the repository. */
const context = new URL("../../", import.meta.url);
const topFiles = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tsconfig.base.json"];
const folders = ["apps", "packages", "sql", "deploy/centralcloud"];
/** Large, and left out by `.dockerignore` anyway. */
const skipped = new Set(["node_modules", "dist", ".turbo"]);

/**
 * Builds the image of `deploy/centralcloud` and returns its name.
 *
 * @throws {ImageMissingError} when no Docker engine answers, or a base image can't be had.
 */
export function buildCentralcloudImage(): Promise<string> {
  return buildImage({
    name: "centralcloud:test",
    context,
    files: [...topFiles, ...folders.flatMap((folder) => filesIn(folder))],
    dockerfile: "deploy/centralcloud/Dockerfile",
  });
}

function filesIn(folder: string): string[] {
  return readdirSync(new URL(folder, context), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}
