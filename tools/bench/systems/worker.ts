import { fileURLToPath } from "node:url";
import { readSource } from "@centralcloud/db";
import type { Backlog, Content } from "../backlog.ts";
import { drainFigures, withWal } from "../measure.ts";
import { reportOf, startProgram } from "../process.ts";
import type { Contender, Lab } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { assertMergedOnce, assertResult } from "../verify.ts";
import type { Job, WorkerReport } from "../workers/job.ts";

export interface WorkerSystem {
  readonly name: string;
  readonly detail: string;
  /** The program in `workers/`, without its ending. */
  readonly program: string;
  readonly settings: Readonly<Record<string, number>>;
  prepare(lab: Lab, backlog: Backlog): Promise<{ template: string; expected: Content }>;
  /** Asserts that the system has nothing left of the backlog, and has all of it settled. */
  assertSettled(source: Database, backlog: Backlog): Promise<void>;
}

/** Another system's consumer, in a process of its own as ours is, merging by the same function. */
export function contendWorker(lab: Lab, backlog: Backlog, system: WorkerSystem): Contender {
  let prepared: { template: string; expected: Content } | undefined;
  return {
    name: system.name,
    detail: system.detail,
    async prepare() {
      prepared = await system.prepare(lab, backlog);
    },
    async run() {
      if (prepared === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(prepared.template);
      const central = await lab.stage.clone(await lab.stage.base("central"));
      try {
        const job: Job = {
          sourceUrl: source.url,
          centralUrl: central.url,
          sourceId: (await readSource(source.pool)).sourceId,
          messages: backlog.messages,
          settings: system.settings,
        };
        const program = fileURLToPath(new URL(`../workers/${system.program}.js`, import.meta.url));
        const { result, walBytes } = await withWal(lab, () =>
          reportOf<WorkerReport>(startProgram(program, [], { BENCH_JOB: JSON.stringify(job) })),
        );
        assertResult("the worker's report", backlog.messages, result.report.merged);
        await assertMergedOnce(central.pool, prepared.expected);
        await system.assertSettled(source, backlog);
        return drainFigures(backlog.messages, result.report.elapsedMs, result, walBytes);
      } finally {
        await lab.stage.drop(source, central);
      }
    },
  };
}
