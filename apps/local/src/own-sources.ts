import { adoptSource, judgeSource } from "@centralcloud/central";
import { identifySource } from "@centralcloud/db";
import { createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import { definePart, type Part } from "@centralcloud/service";
import type { DatabaseUrls } from "./configuration.ts";
import { unlessAborted } from "./late-part.ts";

/**
 * The data folder holds both databases, so its source is the one that its central store knows, also where the folder was
 * copied, or the server's port is another one than the last time. A step rather than a running part.
 */
export function createOwnSources(readUrls: () => DatabaseUrls): Part {
  return definePart({
    name: "sources",
    async start(signal) {
      await unlessAborted(adoptAll(readUrls()), signal);
    },
    async stop() {},
  });
}

async function adoptAll({ sourceUrls, centralUrl }: DatabaseUrls): Promise<void> {
  const options = { applicationName: "centralcloud-local", max: 1 };
  const central = createPool(centralUrl, options);
  try {
    for (const url of sourceUrls) {
      const pool = createPool(url, options);
      try {
        const source = await identifySource(pool);
        const address = withoutSecrets(url);
        const { state } = await judgeSource(central, source, { address });
        if (state !== "ok") await adoptSource(central, source, address, "adopted", "npm start");
      } finally {
        await endPool(pool, 1_000);
      }
    }
  } finally {
    await endPool(central, 1_000);
  }
}
