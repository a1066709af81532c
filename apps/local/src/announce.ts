import { definePart, type Part } from "@centralcloud/service";
import { startUnder } from "./late-part.ts";
import type { Screen } from "./screen.ts";

/** The same part, which is told on the screen once it is up. */
export function announce(
  screen: Screen,
  label: string,
  part: Part,
  describe: () => readonly string[],
): Part {
  return definePart({
    name: part.name,
    async start(signal) {
      await startUnder(part, signal);
      const [first, ...more] = describe();
      const lines = [
        `  ✓ ${label.padEnd(12)}${first}`,
        ...more.map((line) => `${" ".repeat(16)}${line}`),
      ];
      screen.print(lines.join("\n"));
    },
    stop: (graceMs) => part.stop(graceMs),
  });
}
