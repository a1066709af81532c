import { sessionPrivateKeys, throwAsConfigurationError } from "@centralcloud/consumer";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { createKeyRing, type KeyRing } from "@centralcloud/session-keys";
import { warnOfReadable } from "./files.ts";

/** The key ring of the environment; an empty one where none is given. @throws {ConfigurationError} */
export async function readKeyRing(environment: Environment): Promise<KeyRing> {
  const file = environment.SESSION_PRIVATE_KEYS_FILE;
  if (file) await warnOfReadable(environment, file);
  const variables = { SESSION_PRIVATE_KEYS: sessionPrivateKeys };
  const { SESSION_PRIVATE_KEYS } = parseConfiguration(variables, environment);
  return await createKeyRing(SESSION_PRIVATE_KEYS).catch((error) =>
    throwAsConfigurationError("SESSION_PRIVATE_KEYS", error),
  );
}
