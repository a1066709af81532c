import { hostname } from "node:os";
import { GenericContainer, getContainerRuntimeClient, Wait } from "testcontainers";

const label = "centralcloud.test.process";

/** Marks a container as one of this process, by which {@link removeAbandoned} knows it. */
export const ownLabels: Readonly<Record<string, string>> = {
  [label]: `${process.pid}@${hostname()}`,
};

/**
 * A container of the image, ready when PostgreSQL accepts connections.
 *
 * @param hostPort where it is reached, for one that is to be found there again after a restart. Default: the
 *   engine chooses.
 */
export function fullProfileContainer(image: string, hostPort?: number): GenericContainer {
  const port = hostPort === undefined ? 5432 : { container: 5432, host: hostPort };
  return new GenericContainer(image)
    .withLabels(ownLabels)
    .withExposedPorts(port)
    .withWaitStrategy(Wait.forLogMessage("database system is ready to accept connections"))
    .withStartupTimeout(60_000);
}

/** Removes containers of test runs on this machine that were killed before they could do it. */
export async function removeAbandoned(): Promise<void> {
  const { container } = await getContainerRuntimeClient();
  const found = await container.dockerode.listContainers({
    all: true,
    filters: { label: [label] },
  });
  for (const { Id, Labels } of found) {
    const [pid, host] = Labels[label]?.split("@") ?? [];
    if (host !== hostname() || isAlive(Number(pid))) continue;
    await container.dockerode.getContainer(Id).remove({ force: true, v: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
