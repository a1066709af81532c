import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ContainerRuntimeClient } from "testcontainers";

type Docker = ContainerRuntimeClient["container"]["dockerode"];

/** The full profile can't be had on this machine, for a reason that is no fault of the project. */
export class FullProfileMissingError extends Error {
  readonly code = "full_profile_missing";
}

const context = new URL("../../deploy/postgres/", import.meta.url);
const image = "centralcloud-postgres:test";
/** Where there is no engine that is known at once; this is for one that is there and hangs. */
const engineTimeoutMs = 5_000;
const pullTimeoutMs = 120_000;
const buildNoticeMs = 3_000;
const buildNotice =
  "Building the full profile's image; the first time that takes a minute or two …";

/**
 * Builds the image of `deploy/postgres`, which takes a second where the engine has built it before,
 * and returns its name.
 *
 * @throws {FullProfileMissingError} when no Docker engine answers, or the base image can't be had.
 */
export async function buildFullProfileImage(): Promise<string> {
  const docker = await findEngine();
  await ensureBaseImage(docker);
  const prepare = new URL("add-pgmq.mjs", context);
  await import(prepare.href);
  const notice = setTimeout(() => console.log(buildNotice), buildNoticeMs);
  try {
    await buildImage(docker, image, context);
    return image;
  } finally {
    clearTimeout(notice);
  }
}

/** Builds an image of all files in a directory. Fails with the end of what the build said. */
export async function buildImage(docker: Docker, tag: string, directory: URL): Promise<void> {
  const networkmode = process.env.DOCKER_BUILD_NETWORK ?? "default";
  // Through the engine's API: testcontainers' own builder does not say why a build failed.
  const stream = await docker.buildImage(
    { context: fileURLToPath(directory), src: readdirSync(directory) },
    { t: tag, rm: true, networkmode },
  );
  await finish(stream);
}

async function findEngine(): Promise<Docker> {
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
    throw new FullProfileMissingError("no Docker engine answers on this machine.", { cause });
  } finally {
    clearTimeout(timer);
  }
}

async function ensureBaseImage(docker: Docker): Promise<void> {
  const dockerfile = readFileSync(new URL("Dockerfile", context), "utf8");
  const base = /^ARG BASE=(\S+)$/m.exec(dockerfile)?.[1];
  if (base === undefined) throw new Error("deploy/postgres/Dockerfile names no base image");
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
    throw new FullProfileMissingError(
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
