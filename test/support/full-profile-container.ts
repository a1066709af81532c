import { hostname } from "node:os";
import { GenericContainer, getContainerRuntimeClient, Wait } from "testcontainers";

const label = "centralcloud.test.process";

/**
 * A container of the image, ready when PostgreSQL accepts connections. It is labelled with this
 * process, by which {@link removeAbandoned} knows it.
 */
export function fullProfileContainer(image: string): GenericContainer {
  return new GenericContainer(image)
    .withLabels(ownerLabels())
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage("database system is ready to accept connections"))
    .withStartupTimeout(60_000);
}

/** What every container of a test has, so that it is removed although this process is killed. */
export function ownerLabels(): Record<string, string> {
  return { [label]: `${process.pid}@${hostname()}` };
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
