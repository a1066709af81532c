import { groupParts, type Observe, type Part } from "@centralcloud/service";
import { announce } from "./announce.ts";
import type { LocalConfiguration } from "./configuration.ts";
import type { DataFolder } from "./data-folder.ts";
import { createEmbeddedDatabases, createGivenDatabases } from "./databases.ts";
import { createEnvironmentFile } from "./environment-file.ts";
import { createLatePart } from "./late-part.ts";
import { createLogFile } from "./log-file.ts";
import { createMigrations } from "./migrations.ts";
import type { Screen } from "./screen.ts";
import { createServices } from "./services.ts";
import { createLocalSessionKey } from "./session-key.ts";

export interface LocalSystemOptions {
  readonly configuration: LocalConfiguration;
  /** Whether the simulated workload runs. */
  readonly demo: boolean;
  /** Whether the embedded databases are deleted first. */
  readonly fresh: boolean;
  readonly folder: DataFolder;
  readonly screen: Screen;
}

export interface LocalSystem extends Part {
  /** Writes to the log file. */
  readonly observe: Observe;
}

/** The whole of CentralCloud in one process, each component told on the screen as it comes up. */
export function createLocalSystem(options: LocalSystemOptions): LocalSystem {
  const { configuration, fresh, folder, screen } = options;
  const { given } = configuration;
  const databases = given ? createGivenDatabases(given) : createEmbeddedDatabases(folder, fresh);
  const readUrls = () => databases.urls;
  // After the databases: whoever has the data directory has the data folder.
  const log = createLogFile(folder, configuration.consumer.logLevel);
  const migrations = createMigrations(readUrls, log.observe);

  const sessionKey = createLocalSessionKey(folder.sessionKeys, readUrls);

  const system = groupParts("npm start", [
    announce(screen, "PostgreSQL", databases, () => databases.description),
    log,
    announce(screen, "migrations", migrations, () => [migrations.summary]),
    ...(given
      ? []
      : [sessionKey, createEnvironmentFile(folder.environmentFile, folder.sessionKeys, readUrls)]),
    createLatePart("services", () =>
      createServices({
        ...options,
        urls: databases.urls,
        sessionKeys: [...configuration.consumer.sessionKeys, ...sessionKey.keys],
        logger: log.logger,
      }),
    ),
  ]);
  return { ...system, observe: log.observe };
}
