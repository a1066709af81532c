import { readdirSync } from "node:fs";
import { buildImage } from "./build-image.ts";

/** The top of the repository. */
const context = new URL("../../", import.meta.url);

/**
 * Builds the image of `deploy/centralcloud` and returns its name.
 *
 * @throws {ImageMissingError} when no Docker engine answers, or a base image can't be had.
 */
export function buildCentralcloudImage(): Promise<string> {
  // The rest is left out by `.dockerignore`; this spares us walking through it.
  const large = ["node_modules", ".git", ".turbo", ".data"];
  const files = readdirSync(context).filter((name) => !large.includes(name));
  return buildImage({
    name: "centralcloud:test",
    context,
    files,
    dockerfile: "deploy/centralcloud/Dockerfile",
  });
}
