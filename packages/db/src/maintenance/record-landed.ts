import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { sides } from "@centralcloud/postgres";
import { landedFolderOf, presentState } from "./landed-states.ts";

/*
 * `pnpm --filter @centralcloud/db record-landed`: keeps the present state of both databases, so that
 * tests can upgrade from it for ever. Run it last before a change that others will deploy.
 */
for (const side of sides) {
  const { name, script } = presentState(side);
  const folder = landedFolderOf(side);
  const file = new URL(`${name}.sql`, folder);
  if (existsSync(file)) {
    console.log(`${side}: ${name} has landed already`);
    continue;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, script);
  console.log(`${side}: recorded ${name}`);
}
