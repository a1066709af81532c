import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ContainerRuntimeClient } from "testcontainers";

export type Docker = ContainerRuntimeClient["container"]["dockerode"];

/** An image can't be had on this machine, for a reason that is no fault of the project. */
export class ImageMissingError extends Error {
  readonly code = "image_missing";
}

export interface ImageRecipe {
  readonly name: string;
  /** A directory; `.dockerignore` in it counts. */
  readonly context: URL;
  /** What of it goes to the engine: names of files and directories. */
  readonly files: readonly string[];
  /** Its path in the context. */
  readonly dockerfile: string;
}

/** Where there is no engine that is known at once; this is for one that is there and hangs. */
const engineTimeoutMs = 5_000;
const pullTimeoutMs = 120_000;
const buildNoticeMs = 3_000;

/**
 * Builds an image, which takes a second where the engine has built it before, and returns its name.
 *
 * @throws {ImageMissingError} when no Docker engine answers, or a base image can't be had.
 */
export async function buildImage(recipe: ImageRecipe): Promise<string> {
  const docker = await findEngine();
  await ensureBaseImages(docker, new URL(recipe.dockerfile, recipe.context));
  const options = {
    t: recipe.name,
    rm: true,
    dockerfile: recipe.dockerfile,
    networkmode: process.env.DOCKER_BUILD_NETWORK ?? "default",
  };
  const notice = setTimeout(
    () => console.log(`Building ${recipe.name}; the first time that takes a minute or two …`),
    buildNoticeMs,
  );
  try {
    // Through the engine's API: testcontainers' own builder does not say why a build failed.
    const stream = await docker.buildImage(
      { context: fileURLToPath(recipe.context), src: [...recipe.files] },
      options,
    );
    await finish(stream);
    return recipe.name;
  } finally {
    clearTimeout(notice);
  }
}

/** @throws {ImageMissingError} when none answers. */
export async function findEngine(): Promise<Docker> {
  // The reaper would be one more image to pull; `removeAbandoned` does its work.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= "true";
  const { getContainerRuntimeClient } = await import("testcontainers");
  let timer: NodeJS.Timeout | undefined;
  try {
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, engineTimeoutMs);
    });
    return (await Promise.race([getContainerRuntimeClient(), timeout])).container.dockerode;
  } catch (cause) {
    throw new ImageMissingError("no Docker engine answers on this machine.", { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** A Dockerfile names the images that it starts from by the defaults of its first arguments. */
async function ensureBaseImages(docker: Docker, dockerfile: URL): Promise<void> {
  const [arguments_ = ""] = readFileSync(dockerfile, "utf8").split(/^FROM /m);
  const bases = [...arguments_.matchAll(/^ARG \w+=(\S+)$/gm)].flatMap(([, base]) => base ?? []);
  if (bases.length === 0) throw new Error(`${dockerfile.pathname} names no base image`);
  for (const base of bases) await ensureImage(docker, base);
}

async function ensureImage(docker: Docker, base: string): Promise<void> {
  try {
    await docker.getImage(base).inspect();
    return;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
  try {
    const stream = await docker.pull(base, { abortSignal: AbortSignal.timeout(pullTimeoutMs) });
    await finish(stream);
  } catch (cause) {
    throw new ImageMissingError(
      `the image ${base} is not here and can't be pulled: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Follows the engine's progress, a JSON object a line, to its end; fails with the last of its output. */
async function finish(stream: NodeJS.ReadableStream): Promise<void> {
  let output = "";
  for await (const line of createInterface({ input: stream })) {
    if (line === "") continue;
    const progress = JSON.parse(line) as { stream?: string; error?: string };
    output = (output + (progress.stream ?? "")).slice(-3_000);
    if (progress.error !== undefined) throw new Error(`${output}${progress.error}`);
  }
}
