import { defaultGraceMs, groupParts, type Observe, type Part } from "@centralcloud/service";
import { announce } from "./announce.ts";
import type { LocalConfiguration } from "./configuration.ts";
import type { DataFolder } from "./data-folder.ts";
import { createEmbeddedDatabases, createGivenDatabases } from "./databases.ts";
import { createEnvironmentFile } from "./environment-file.ts";
import { createLatePart } from "./late-part.ts";
import { createLogFile } from "./log-file.ts";
import { createMigrations } from "./migrations.ts";
import type { Observation } from "./observation.ts";
import { createOwnSources } from "./own-sources.ts";
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
  /** Our PostgreSQL has ended and can't be started again, which the screen has told: nothing works any more. */
  readonly giveUp: () => void;
}

export interface LocalSystem extends Part {
  /** Writes to the log file. */
  readonly observe: Observe<Observation>;
}

/** How long our own server may take to stop after everything that uses it, in seconds. */
export const serverStopS = 10;

/** The whole of CentralCloud in one process, each component told on the screen as it comes up. */
export function createLocalSystem(options: LocalSystemOptions): LocalSystem {
  const { configuration, folder, screen } = options;
  const { given } = configuration;
  const tell = (sentence: string) => screen.print(`  ! ${sentence}`);
  const databases = given
    ? createGivenDatabases(given)
    : createEmbeddedDatabases({ ...options, tell });
  const readUrls = () => databases.urls;
  // After the databases: whoever has the data directory has the data folder.
  const log = createLogFile(folder, configuration.consumer.logLevel);
  const migrations = createMigrations(readUrls, log.observe);

  const sessionKey = createLocalSessionKey(folder.sessionKeys, readUrls);

  const services = createLatePart("services", () =>
    createServices({
      ...options,
      urls: databases.urls,
      sessionKeys: [...configuration.consumer.sessionKeys, ...sessionKey.keys],
      logger: log.logger,
    }),
  );
  const system = groupParts("npm start", [
    announce(screen, "PostgreSQL", databases, () => databases.description),
    log,
    announce(screen, "migrations", migrations, () => [migrations.summary]),
    ...(given
      ? []
      : [
          createOwnSources(readUrls),
          sessionKey,
          createEnvironmentFile(folder.environmentFile, folder.sessionKeys, readUrls),
        ]),
    {
      ...services,
      stop: (graceMs = defaultGraceMs) => services.stop(Math.max(0, graceMs - serverStopS * 1000)),
    },
  ]);
  return { ...system, observe: log.observe };
}
