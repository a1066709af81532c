import { databaseVariables } from "@centralcloud/consumer";
import { type Environment, parseConfiguration } from "@centralcloud/service";

/** Where the central store is, for commands that ask nothing else. @throws {ConfigurationError} */
export function readCentralUrl(environment: Environment): string {
  const { CENTRAL_DATABASE_URL } = databaseVariables;
  return parseConfiguration({ CENTRAL_DATABASE_URL }, environment).CENTRAL_DATABASE_URL;
}
