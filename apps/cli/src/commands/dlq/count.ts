import { countDeadLetters } from "@centralcloud/inspect";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { showRows } from "../../show-answers.ts";
import { readSourceUrls, type SourceOptions, timeoutOption } from "../../sources.ts";
import { readUsage } from "./scope.ts";
import { addFilterOptions, askingOf, type FilterOptions, readFilter } from "./selection.ts";

export function countCommand(environment: Environment): Command {
  const command = new Command("count").description(
    "how many dead letters each queue of each source has",
  );
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async (options: FilterOptions & SourceOptions & { readonly json?: true }) => {
      const { json } = options;
      const asked = await readUsage(command, () =>
        countDeadLetters(readSourceUrls(environment), askingOf(options), readFilter(options)),
      );
      showRows(asked, {
        json: json === true,
        name: "counts",
        describe: ({ source: name, queue: of, count }) => ({ source: name, queue: of, count }),
      });
    });
}
