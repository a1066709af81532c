import { formatLsn } from "@centralcloud/postgres";
import { shorten } from "@centralcloud/service";
import { reportCaptureFault, reportCaptureLoss } from "../change-log.ts";
import {
  centrally,
  PluginTooOldError,
  SlotUnreadableError,
  UndecodableChangeError,
} from "../errors.ts";
import { startOptions } from "../slot/start-options.ts";
import { openReplicationStream } from "../stream/replication-stream.ts";
import { claimSlot } from "./claim-slot.ts";
import { follow } from "./follow.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";

/** How long the server may take to end the stream, once everything is recorded and confirmed. */
const farewellMs = 1_000;

/**
 * Reads the slot into the change log until the signal is aborted; then records what is complete, confirms
 * it, and leaves the slot.
 *
 * @throws {SlotBusyError} when another process reads it.
 * @throws {SlotLostError} when changes are missing.
 * @throws {CentralFaultError} for a fault of the central store; anything else is one of the source.
 */
export async function readSlot(options: SlotReaderOptions, signal: AbortSignal): Promise<void> {
  try {
    await read(options, signal);
  } catch (error) {
    const { central, source } = options;
    if (error instanceof SlotUnreadableError) {
      await centrally(() => reportCaptureLoss(central, source.sourceId, kept(error)));
    }
    if (error instanceof UndecodableChangeError || error instanceof PluginTooOldError) {
      await centrally(() => reportCaptureFault(central, source.sourceId, kept(error)));
    }
    throw error;
  }
}

/** A server may use as many words as it likes. */
function kept({ message }: Error): string {
  return shorten(message, 2_000);
}

async function read(options: SlotReaderOptions, signal: AbortSignal): Promise<void> {
  const { url, slot, tables, maxChangeBytes, source, observe } = options;
  const stream = await openReplicationStream(
    { url, slot: slot.name, options: startOptions(slot.plugin, tables), maxChangeBytes },
    signal,
  );
  let recorder: Recorder | undefined;
  try {
    const recordedLsn = await claimSlot(options, stream);
    recorder = createRecorder({
      ...options,
      timeline: stream.server.timeline,
      onRecorded({ lsn, ...counts }) {
        stream.confirm(lsn);
        const event = "changes-recorded";
        observe({ event, source: source.name, lsn: formatLsn(lsn), ...counts });
      },
    });
    await follow({ ...options, stream, recorder, recordedLsn }, signal);
  } finally {
    recorder?.close();
    await stream.close(signal.aborted ? farewellMs : 0);
  }
}
