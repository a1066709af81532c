/*
 * Which way imports may point: apps use packages, never the reverse, and each package only those
 * below it. `pnpm check` fails on an import against it, on a cycle, and on an import past a package's
 * exports. (That package.json declares what is imported, Biome checks.)
 */

/**
 * From top to bottom; each may import those it names. docs/architecture.md draws it.
 * apps; operations (what an operator does with both stores); engine; clients; ground.
 */
const mayImport = {
  "apps/local": [
    "apps/console",
    "apps/consumer",
    "packages/central",
    "packages/db",
    "packages/embedded",
    "packages/queue",
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
    "packages/central",
    "packages/db",
    "packages/dead-letters",
    "packages/doctor",
    "packages/inspect",
    "packages/queue",
    "packages/scheduler",
    "packages/postgres",
    "packages/service",
    "packages/session-keys",
    "packages/trace",
  ],
  // It reads and acts as the command line does, and never holds a session key.
  "apps/console": [
    "packages/cdc",
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/dead-letters",
    "packages/doctor",
    "packages/inspect",
    "packages/postgres",
    "packages/scheduler",
    "packages/service",
    "packages/trace",
  ],
  "apps/consumer": [
    "packages/cdc",
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/lane",
    "packages/postgres",
    "packages/queue",
    "packages/service",
    "packages/session-keys",
  ],
  "packages/trace": [
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/dead-letters",
    "packages/postgres",
    "packages/service",
  ],
  "packages/inspect": [
    "packages/cdc",
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/dead-letters",
    "packages/queue",
    "packages/postgres",
    "packages/scheduler",
    "packages/service",
    "packages/session-keys",
  ],
  // Above all that it checks, so that it copies nothing from them.
  "packages/doctor": [
    "packages/cdc",
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/queue",
    "packages/postgres",
    "packages/scheduler",
    "packages/service",
    "packages/session-keys",
  ],
  "packages/dead-letters": [
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/queue",
    "packages/postgres",
    "packages/service",
  ],
  "packages/client": ["packages/cdc", "packages/postgres"],
  "packages/cdc": [
    "packages/central",
    "packages/contracts",
    "packages/db",
    "packages/postgres",
    "packages/queue",
    "packages/service",
  ],
  "packages/scheduler": ["packages/db", "packages/postgres", "packages/service"],
  // It answers what a lane asks of its store, in the lane's types.
  "packages/central": [
    "packages/db",
    "packages/lane",
    "packages/queue",
    "packages/postgres",
    "packages/service",
  ],
  // The embedded server is for packages/db/src/maintenance alone.
  "packages/db": ["packages/embedded", "packages/postgres", "packages/service", "sql"],
  "packages/lane": ["packages/postgres", "packages/queue", "packages/service"],
  "packages/queue": ["packages/postgres"],
  "packages/session-keys": ["packages/postgres", "packages/service"],
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
    path: "^(apps|packages|sql|test|tools)/",
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
      name: "from-tools",
      comment: "Tests may use the tools; what the tools measure must not depend on a test",
      severity: "error",
      from: { path: "^tools/" },
      to: { path: "^test/" },
    },
    {
      name: "no-deep-imports",
      comment:
        "Another member is imported by its name, which its exports answer; not by a path into it",
      severity: "error",
      from: { path: "^(apps|packages|test|tools)/([^/]+)/" },
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
    includeOnly: { path: ["^apps/", "^packages/", "^sql/", "^test/", "^tools/", "node_modules"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".d.ts"],
    },
  },
};
