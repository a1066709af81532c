import { runCommand } from "./run-command.ts";

/** Every command that `--help` lists, such as `dlq show`; of a group only what is below it, unless it runs by itself. */
export async function listCommands(group: readonly string[] = []): Promise<string[]> {
  const { stdout } = await runCommand([...group, "--help"], {});
  const [, rest = ""] = stdout.split("\nCommands:\n");
  const [list = ""] = rest.split("\n\n");
  const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = ""]) => name);
  const below = names.filter((name) => name !== "help");
  const found = await Promise.all(below.map((name) => listCommands([...group, name])));
  const runsByItself = below.length === 0 || ["jobs", "queues"].includes(group.join(" "));
  return [...(runsByItself && group.length > 0 ? [group.join(" ")] : []), ...found.flat()];
}
