/*
 * Which way imports may point: apps use packages, never the reverse, and each package only those
 * below it. `pnpm check` fails on an import against it, on a cycle, and on an import past a package's
 * exports. (That package.json declares what is imported, Biome checks.)
 */

/** From top to bottom; each may import those it names. */
const mayImport = {
  "apps/local": [
    "apps/console",
    "apps/consumer",
    "packages/db",
    "packages/embedded",
    "packages/pgmq",
    "packages/scheduler",
    "packages/postgres",
    "packages/service",
    "packages/session-keys",
  ],
  "apps/cli": [
    "apps/console",
    "apps/consumer",
    "packages/contracts",
    "packages/cdc",
    "packages/db",
    "packages/dead-letters",
    "packages/inspect",
    "packages/pgmq",
    "packages/scheduler",
    "packages/postgres",
    "packages/service",
    "packages/session-keys",
    "packages/trace",
  ],
  // It reads and acts as the command line does, and never holds a session key.
  "apps/console": [
    "packages/cdc",
    "packages/contracts",
    "packages/db",
    "packages/dead-letters",
    "packages/inspect",
    "packages/postgres",
    "packages/service",
    "packages/trace",
  ],
  "apps/consumer": [
    "packages/cdc",
    "packages/contracts",
    "packages/db",
    "packages/pgmq",
    "packages/postgres",
    "packages/service",
    "packages/session-keys",
  ],
  "packages/trace": [
    "packages/contracts",
    "packages/db",
    "packages/dead-letters",
    "packages/postgres",
    "packages/service",
  ],
  "packages/inspect": [
    "packages/cdc",
    "packages/contracts",
    "packages/db",
    "packages/dead-letters",
    "packages/pgmq",
    "packages/postgres",
    "packages/service",
  ],
  "packages/dead-letters": [
    "packages/contracts",
    "packages/db",
    "packages/pgmq",
    "packages/postgres",
    "packages/service",
  ],
  "packages/cdc": ["packages/db", "packages/postgres", "packages/service"],
  "packages/scheduler": ["packages/db", "packages/postgres", "packages/service"],
  // The embedded server is for packages/db/src/maintenance alone.
  "packages/db": ["packages/embedded", "packages/postgres", "packages/service", "sql"],
  "packages/pgmq": ["packages/postgres", "packages/service"],
  "packages/session-keys": ["packages/service"],
  "packages/embedded": ["packages/postgres"],
  "packages/postgres": [],
  "packages/service": [],
  "packages/contracts": [],
};

const directions = Object.entries(mayImport).map(([from, to]) => ({
  name: `from-${from.replace("/", "-")}`,
  comment: `${from} may import ${to.join(", ") || "no other member of the workspace"}`,
  severity: "error",
  from: { path: `^${from}/` },
  to: {
    path: "^(apps|packages|sql|test)/",
    pathNot: [from, ...to].map((member) => `^${member}/`),
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...directions,
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-deep-imports",
      comment:
        "Another member is imported by its name, which its exports answer; not by a path into it",
      severity: "error",
      from: { path: "^(apps|packages|test)/([^/]+)/" },
      to: {
        path: "^(apps|packages|sql)/",
        pathNot: [
          "^$1/$2/",
          "^(apps|packages)/[^/]+/dist/index\\.(js|d\\.ts)$",
          // It must be evaluated before anything else of the package.
          "^packages/service/dist/fit-address-space\\.(js|d\\.ts)$",
          "^sql/index\\.(js|d\\.ts)$",
        ],
      },
    },
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    exclude: { path: ["/generated/", "/node_modules/.*/node_modules/"] },
    doNotFollow: { path: ["node_modules", "/dist/"] },
    includeOnly: { path: ["^apps/", "^packages/", "^sql/", "^test/", "node_modules"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".d.ts"],
    },
  },
};
