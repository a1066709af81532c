import { type MergeBatch, mergePatterns } from "@centralcloud/central";
import { createPool } from "@centralcloud/postgres";
import type { Pool } from "pg";
import { queue } from "../backlog.ts";

/** What a worker's process is told, in its environment: URLs hold passwords. */
export interface Job {
  readonly sourceUrl: string;
  readonly centralUrl: string;
  readonly sourceId: string;
  readonly messages: number;
  readonly settings: Readonly<Record<string, number>>;
}

export interface WorkerReport {
  readonly merged: number;
  /** From when the worker is up and begins to fetch until all is settled. */
  readonly elapsedMs: number;
}

/** A message as the other queues carry it: pgmq gives it its number and time, they do not. */
export interface NumberedMessage {
  readonly id: string;
  readonly message: object;
}

export function readJob(): Job {
  return JSON.parse(process.env.BENCH_JOB ?? "") as Job;
}

export function setting({ settings }: Job, name: string): number {
  const value = settings[name];
  if (value === undefined) throw new Error(`no setting ${name}`);
  return value;
}

export function centralPool({ centralUrl }: Job, max: number): Pool {
  return createPool(centralUrl, { applicationName: "bench-worker", max });
}

/** The merge of all systems: the consumer's own statement, prepared, on a pool. */
export async function mergeNumbered(
  central: Pool,
  { sourceId }: Job,
  messages: readonly NumberedMessage[],
): Promise<number> {
  const batch = messages.map(({ id, message }) => ({
    msgId: id,
    enqueuedAt: "2026-01-01T00:00:00Z",
    document: JSON.stringify(message),
  }));
  return await merge(central, { sourceId, queue, messages: batch });
}

export async function merge(central: Pool, batch: MergeBatch): Promise<number> {
  const { merged } = await mergePatterns(central, batch);
  return merged;
}

export function report(merged: number, startedAt: number): void {
  const result: WorkerReport = { merged, elapsedMs: performance.now() - startedAt };
  console.log(JSON.stringify(result));
}
