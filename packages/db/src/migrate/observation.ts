import type { Events } from "@centralcloud/service";

/** What a migration did to a database, or met. */
export type MigrationObservation =
  | { readonly event: "migration-applied"; readonly database: string; readonly migration: string }
  /** Somebody holds a lock that a migration needs; it gives up after ten seconds. */
  | { readonly event: "migration-waiting"; readonly database: string; readonly waitsFor: string }
  | { readonly event: "objects-applied"; readonly database: string; readonly count: number }
  | { readonly event: "privilege-missing"; readonly database: string; readonly message: string }
  /** Something of ours was removed or changed since it was made; it is as it was made again. */
  | { readonly event: "drift-mended"; readonly database: string; readonly what: string }
  | {
      readonly event: "drift-remains";
      readonly database: string;
      readonly what: string;
      readonly reason: string;
    }
  | { readonly event: "extension-installed"; readonly extension: string }
  | { readonly event: "pgmq-installed"; readonly version: string; readonly how: string };

/** How each of them is logged. */
export const migrationEvents: Events<MigrationObservation> = {
  "migration-applied": { level: "info" },
  "migration-waiting": { level: "warn" },
  "objects-applied": { level: "info" },
  "privilege-missing": { level: "warn" },
  "drift-mended": { level: "warn" },
  "drift-remains": { level: "error" },
  "extension-installed": { level: "info" },
  "pgmq-installed": { level: "info" },
};
