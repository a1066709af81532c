/**
 * Writes `generated/`; with `--verify` writes nothing, and fails where a file there is not what would be written.
 */
import { staleFiles, writeGeneratedFiles } from "./files.ts";

const directory = new URL("../../generated/", import.meta.url);

if (process.argv.includes("--verify")) {
  const stale = await staleFiles(directory);
  for (const name of stale) console.error(`packages/contracts/generated/${name} is stale`);
  if (stale.length > 0) {
    console.error(
      "Run: pnpm --filter @centralcloud/contracts build && pnpm --filter @centralcloud/contracts generate",
    );
    process.exitCode = 1;
  }
} else {
  await writeGeneratedFiles(directory);
}
