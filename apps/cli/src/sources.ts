import { databaseVariables } from "@centralcloud/consumer";
import { defaultTimeoutS, onAsking, type SourceOptions } from "@centralcloud/inspect";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { type Command, Option } from "commander";
import { collect, duration } from "./commands/options.ts";
import { countAnswers } from "./progress.ts";

export {
  askSources,
  assertComplete,
  chooseSource,
  chooseSourceUrls,
  identify,
  identifySources,
  isOutOfReach,
  type KnownSource,
  type OpenSource,
  type SourceOptions,
  SourcesMissingError,
  withMigration,
  withRemedy,
} from "@centralcloud/inspect";

export type { Answers, Silence } from "@centralcloud/service";

onAsking((addresses) => countAnswers(addresses, "sources"));

/** @throws {ConfigurationError} */
export function readSourceUrls(environment: Environment): readonly string[] {
  const { SOURCE_DATABASE_URLS } = databaseVariables;
  return parseConfiguration({ SOURCE_DATABASE_URLS }, environment).SOURCE_DATABASE_URLS;
}

export function sourceOption(): Option {
  const help = "of this source only, by name, id or address; may be repeated";
  return new Option("--source <name>", help).argParser(collect);
}

/** For commands that change something at each source: none is given up because the others are faster. */
export function withFullTimeout(options: SourceOptions): SourceOptions {
  return { timeout: defaultTimeoutS, ...options };
}

/** For commands that ask every source and show what those say that answer. */
export function addSourceOptions(command: Command): Command {
  return command.addOption(sourceOption()).addOption(timeoutOption());
}

export function timeoutOption(): Option {
  return new Option(
    "--timeout <duration>",
    `how long each source may take to answer; default: ${defaultTimeoutS}s, less, once nearly all others have answered`,
  ).argParser(duration);
}
