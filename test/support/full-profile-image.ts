import { readdirSync } from "node:fs";
import { buildImage } from "./build-image.ts";

const context = new URL("../../deploy/postgres/", import.meta.url);

/**
 * Builds the image of `deploy/postgres`, which takes a second where the engine has built it before,
 * and returns its name.
 *
 * @throws {ImageMissingError} when no Docker engine answers, or the base image can't be had.
 */
export async function buildFullProfileImage(): Promise<string> {
  const prepare = new URL("add-pgmq.mjs", context);
  await import(prepare.href);
  return buildImage({
    name: "centralcloud-postgres:test",
    context,
    files: readdirSync(context),
    dockerfile: "Dockerfile",
  });
}
