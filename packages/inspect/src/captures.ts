import {
  type CaptureStatus,
  describeCapture,
  findSlot,
  readCaptureStatus,
} from "@centralcloud/cdc";
import { withoutSecrets } from "@centralcloud/postgres";
import type { Answers } from "@centralcloud/service";
import { askSources, type OpenSource, type SourceOptions } from "./ask-sources.ts";
import { askCentral } from "./central.ts";

/**
 * The change capture of each source: its slot, and how far the change log has come. Where the central store does not
 * answer, it is named, and only what the slots themselves tell is known.
 */
export async function readCaptures(
  urls: readonly string[],
  centralUrl: string,
  options: SourceOptions,
): Promise<Answers<CaptureStatus>> {
  const { source: _, ...limits } = options;
  const asked = await askCentral(centralUrl, limits, (central) =>
    askSources(urls, options, ({ pool, url }) =>
      readCaptureStatus(pool, central, undefined, withoutSecrets(url)),
    ),
  );
  const [all] = asked.answers;
  if (all !== undefined) return all;
  const slots = await askSources(urls, options, readSlot);
  return {
    answers: slots.answers,
    unreachable: [...asked.unreachable, ...slots.unreachable],
    failed: [...asked.failed, ...slots.failed],
  };
}

async function readSlot({ pool, name, sourceId }: OpenSource): Promise<CaptureStatus> {
  return describeCapture({ name, sourceId }, await findSlot(pool), undefined);
}
