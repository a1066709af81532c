import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The databases that the tests' set-up clones, and makes where they are missing. */
const templates = { singularity: "template_singularity", central: "template_central" };

/** In these, a mistake may change roles and their rights, which are the server's and go with no database. */
const changesRoles = /\/grants\/|\/roles\b/;

/** Which templates a mistake in a file may change. */
function templatesOf(file) {
  if (file.startsWith("packages/db/")) return Object.values(templates);
  const [, side] = /^sql\/([^/]+)\//.exec(file) ?? [];
  return templates[side] === undefined ? [] : [templates[side]];
}

/**
 * One PostgreSQL server for the tests of all mutants: to start one and to migrate its databases takes longer than
 * most of those tests.
 *
 * @param path of the copy of the repository that the mistakes are made in.
 */
export async function startServer(path) {
  const module = pathToFileURL(join(path, "packages/embedded/dist/index.js")).href;
  const { startEmbeddedPostgres, dropDatabase } = await import(module);
  const file = join(path, "test/support/server-settings.json");
  const settings = JSON.parse(readFileSync(file, "utf8"));
  let server = await startEmbeddedPostgres({ databases: [], settings });

  async function renew() {
    await server.stop();
    server = await startEmbeddedPostgres({ databases: [], settings });
  }

  return {
    url: () => server.urlOf("postgres"),
    /** Before a mistake in a file is tried, and after: leaves nothing that was made without it, or with it. */
    async forget(file) {
      if (changesRoles.test(file)) return await renew();
      for (const name of templatesOf(file)) await dropDatabase(server.urlOf("postgres"), name);
    },
    /** Another one in its place: for what tests leave behind that were ended from outside. */
    renew,
    stop: () => server.stop(),
  };
}
