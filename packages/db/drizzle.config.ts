import { defineConfig } from "drizzle-kit";

/*
 * One configuration for both databases: DATABASE_FOLDER says which. It holds no credentials, so
 * drizzle-kit only ever compares the schema with the last snapshot and writes a migration; what
 * reaches a database goes through `centralcloud migrate`.
 */
if (process.argv.includes("push")) {
  throw new Error(
    "drizzle-kit push is switched off: it would change a database without a migration. " +
      "Write one with `pnpm --filter @centralcloud/db generate`, then run `centralcloud migrate`.",
  );
}

const folder = process.env.DATABASE_FOLDER;
if (folder !== "singularity" && folder !== "central") {
  throw new Error("DATABASE_FOLDER must be singularity or central");
}

export default defineConfig({
  dialect: "postgresql",
  schema: `./src/schema/${folder}.ts`,
  out: `./migrations/${folder}`,
  breakpoints: true,
});
