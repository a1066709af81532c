import { defineConfig } from "drizzle-kit";

/*
 * One configuration for both databases: DATABASE_PLANE says which. It holds no credentials, so
 * drizzle-kit only ever compares the schema with the last snapshot and writes a migration; what
 * reaches a database goes through `centralcloud migrate`.
 */
if (process.argv.includes("push")) {
  throw new Error(
    "drizzle-kit push is switched off: it would change a database without a migration. " +
      "Write one with `pnpm --filter @centralcloud/db generate`, then run `centralcloud migrate`.",
  );
}

const plane = process.env.DATABASE_PLANE;
if (plane !== "singularity" && plane !== "central") {
  throw new Error("DATABASE_PLANE must be singularity or central");
}

export default defineConfig({
  dialect: "postgresql",
  schema: `./src/schema/${plane}.ts`,
  out: `./migrations/${plane}`,
  breakpoints: true,
});
