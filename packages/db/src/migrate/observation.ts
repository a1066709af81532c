import type { Side } from "@centralcloud/postgres";
import type { Events } from "@centralcloud/service";

/** What a migration did to a database, or met. */
export type MigrationObservation =
  | { readonly event: "migration-applied"; readonly side: Side; readonly migration: string }
  /** Somebody holds a lock that a migration needs; it gives up after ten seconds. */
  | { readonly event: "migration-waiting"; readonly side: Side; readonly waitsFor: string }
  | { readonly event: "objects-applied"; readonly side: Side; readonly count: number }
  | { readonly event: "privilege-missing"; readonly side: Side; readonly message: string }
  /** Something of ours was removed or changed since it was made; it is as it was made again. */
  | { readonly event: "drift-repaired"; readonly side: Side; readonly what: string }
  | {
      readonly event: "drift-remains";
      readonly side: Side;
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
  "drift-repaired": { level: "warn" },
  "drift-remains": { level: "error" },
  "extension-installed": { level: "info" },
  "pgmq-installed": { level: "info" },
};
