import type { TestProject } from "vitest/node";
import { buildCentralcloudImage } from "./centralcloud-image.ts";
import { buildFullProfileImage } from "./full-profile-image.ts";
import { skipOrFail } from "./skip-or-fail.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The name of the image of the consumer and the command line. */
    readonly centralcloudImage: string;
  }
}

/** Builds both images for all files of this project; without an engine each file is skipped. */
export default async function setup(project: TestProject) {
  try {
    const image = await buildFullProfileImage();
    project.provide("centralcloudImage", await buildCentralcloudImage());
    project.provide("fullProfile", { image });
    const { removeAbandoned } = await import("./full-profile-container.ts");
    await removeAbandoned();
    return undefined;
  } catch (error) {
    return skipOrFail(project, error);
  }
}
