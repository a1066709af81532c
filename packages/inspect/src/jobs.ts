import {
  type JobRunFilter,
  type JobRunReport,
  type JobStatus,
  listJobRuns,
  scheduledJobsStatus,
} from "@centralcloud/scheduler";
import type { Answers } from "@centralcloud/service";
import { askSources, type SourceOptions } from "./ask-sources.ts";
import { boundOf, mergeRows, type Page, type PageRequest } from "./page.ts";

export type JobReport = { readonly source: string } & JobStatus;

/** The state of each job of each source. */
export function readJobs(
  urls: readonly string[],
  options: SourceOptions,
): Promise<Answers<readonly JobReport[]>> {
  return askSources(urls, options, async ({ pool, name }) =>
    (await scheduledJobsStatus(pool)).map((status) => ({ source: name, ...status })),
  );
}

export type JobRunRow = { readonly source: string; readonly sourceId: string } & JobRunReport;

/**
 * A page of the runs of jobs, newest first, over all sources; none where no source answers.
 *
 * @throws {SelectionError} where `after` is not what a page ended with.
 */
export async function readJobRuns(
  urls: readonly string[],
  options: SourceOptions,
  { limit, ...request }: PageRequest & Pick<JobRunFilter, "job" | "statuses">,
): Promise<Answers<Page<JobRunRow>>> {
  const { after: _, ...filter } = request;
  const asked = await askSources(urls, options, async ({ pool, name, sourceId }) => {
    const bound = boundOf({ limit, ...request }, sourceId);
    const before = bound && { at: bound.at, id: bound.isIncluded ? next(bound.id) : bound.id };
    const runs = await listJobRuns(pool, {
      ...filter,
      ...(before === undefined ? {} : { before }),
      limit: limit + 1,
    });
    return runs.map((run): JobRunRow => ({ source: name, sourceId, ...run }));
  });
  return mergeRows(asked, limit, ({ startedAt, id, sourceId }) => {
    return { at: startedAt, id, place: sourceId };
  });
}

function next(id: string): string {
  return String(BigInt(id) + 1n);
}
