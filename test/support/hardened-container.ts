import { type Docker, findEngine } from "./build-image.ts";
import { ownLabels } from "./full-profile-container.ts";

export type Container = ReturnType<Docker["getContainer"]>;

export interface HardenedContainerOptions {
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Creates a container that may write nowhere, has no capability and can get none. */
export async function createHardenedContainer(
  options: HardenedContainerOptions,
): Promise<Container> {
  const { image, command, entrypoint, environment = {} } = options;
  const docker = await findEngine();
  return docker.createContainer({
    Image: image,
    ...(command === undefined ? {} : { Cmd: [...command] }),
    ...(entrypoint === undefined ? {} : { Entrypoint: [...entrypoint] }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: ownLabels,
    HostConfig: {
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Memory: 512 * 1024 * 1024,
    },
  });
}

/** What a container has written so far, to standard output and to standard error. */
export async function logOf(container: Container): Promise<string> {
  const log = await container.logs({ stdout: true, stderr: true });
  return log.toString("utf8");
}

/** Starts it, waits for its end, and removes it. */
export async function runToItsEnd(
  container: Container,
): Promise<{ readonly exitCode: number; readonly log: string }> {
  try {
    await container.start();
    const { StatusCode: exitCode } = (await container.wait()) as { StatusCode: number };
    return { exitCode, log: await logOf(container) };
  } finally {
    await container.remove({ force: true, v: true });
  }
}

/** Runs a command in a running container, and returns its exit code. */
export async function execIn(container: Container, command: readonly string[]): Promise<number> {
  const exec = await container.exec({
    Cmd: [...command],
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({});
  for await (const _ of stream) {
    // It ends when the command does.
  }
  return (await exec.inspect()).ExitCode ?? -1;
}
