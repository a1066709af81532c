import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { planes } from "../migrate/plane.ts";
import { landedFolderOf, presentState } from "./landed-states.ts";

/*
 * `pnpm --filter @centralcloud/db record-landed`: keeps the present state of both databases, so that
 * tests can upgrade from it for ever. Run it last before a change that others will deploy.
 */
for (const plane of planes) {
  const { name, script } = presentState(plane);
  const folder = landedFolderOf(plane);
  const file = new URL(`${name}.sql`, folder);
  if (existsSync(file)) {
    console.log(`${plane}: ${name} has landed already`);
    continue;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, script);
  console.log(`${plane}: recorded ${name}`);
}
