import {
  type CaptureStatus,
  completeStatus,
  describeCapture,
  readSlot,
  type SlotReading,
} from "@centralcloud/cdc";
import { withoutSecrets } from "@centralcloud/postgres";
import type { Answers } from "@centralcloud/service";
import { askSources, type SourceOptions } from "./ask-sources.ts";
import { askCentral } from "./central.ts";

/**
 * The change capture of each source: its slot, and how far the change log has come. Where the central store does not
 * answer, it is named, and only what the slots themselves tell is known. It is asked once the sources have answered or had
 * their time, so that each has its own.
 */
export async function readCaptures(
  urls: readonly string[],
  centralUrl: string,
  options: SourceOptions,
): Promise<Answers<CaptureStatus>> {
  const slots = await askSources(urls, options, async ({ pool, url }) => ({
    address: withoutSecrets(url),
    reading: await readSlot(pool),
  }));
  const { source: _, ...limits } = options;
  const asked = await askCentral(centralUrl, limits, async (central) => {
    const statuses: CaptureStatus[] = [];
    for (const { reading, address } of slots.answers) {
      statuses.push(await completeStatus(reading, central, address));
    }
    return statuses;
  });
  return {
    answers: asked.answers[0] ?? slots.answers.map(({ reading }) => alone(reading)),
    unreachable: [...asked.unreachable, ...slots.unreachable],
    failed: [...asked.failed, ...slots.failed],
  };
}

function alone({ identity, slot }: SlotReading): CaptureStatus {
  return describeCapture(identity, slot, undefined);
}
