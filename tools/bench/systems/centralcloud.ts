import type { Backlog } from "../backlog.ts";
import { drainFigures, serverTime, steadyRate, withWal } from "../measure.ts";
import { reportOf, startCentralcloud } from "../process.ts";
import type { Contender, Lab } from "../scenario.ts";
import type { Database } from "../stage.ts";
import type { Figures } from "../statistics.ts";
import { assertMergedOnce, assertResult, assertSettled, poisonIn } from "../verify.ts";
import { type PreparedSource, prepareQueue } from "./pgmq-source.ts";
import type { System } from "./system.ts";

export interface Condition {
  readonly name?: string;
  readonly detail?: string;
  /** Changes the databases once, before they become templates; instead of an ordinary queue. */
  readonly prepare?: () => Promise<PreparedSource & { readonly central?: string }>;
  /** Something that continues during the drain. */
  readonly meanwhile?: <Result>(
    databases: { readonly source: Database; readonly central: Database },
    drain: () => Promise<Result>,
  ) => Promise<Result>;
  readonly archivedBefore?: number;
  readonly ledgerBefore?: number;
}

interface DrainReport {
  readonly processed: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  readonly elapsedMs: number;
}

const settingsInWords =
  "default settings: reads of 500, of up to 2,000 while a backlog lasts, 2 batches in flight";

export const centralcloud: System = {
  name: "centralcloud",
  takes: "batches",
  contend: (lab, backlog) => contendDrain(lab, backlog),
};

/** `centralcloud drain` in a process of its own, under a condition. */
export function contendDrain(lab: Lab, backlog: Backlog, condition: Condition = {}): Contender {
  let prepared: (PreparedSource & { readonly central?: string }) | undefined;
  return {
    name: condition.name ?? "centralcloud",
    isOurs: true,
    detail: condition.detail ?? `\`centralcloud drain\`, ${settingsInWords}`,
    async prepare() {
      prepared = await (condition.prepare?.() ?? prepareQueue(lab, backlog));
    },
    async run() {
      if (prepared === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(prepared.template);
      const central = await lab.stage.clone(prepared.central ?? (await lab.stage.base("central")));
      try {
        return await drain(lab, backlog, condition, { source, central, prepared });
      } finally {
        await lab.stage.drop(source, central);
      }
    },
  };
}

async function drain(
  lab: Lab,
  backlog: Backlog,
  { meanwhile, archivedBefore, ledgerBefore }: Condition,
  {
    source,
    central,
    prepared,
  }: { readonly source: Database; readonly central: Database; readonly prepared: PreparedSource },
): Promise<Figures> {
  if (backlog.poison === "refused") {
    await central.pool.query(
      "alter table central.patterns add constraint no_poison check (not pattern ? 'poison')",
    );
  }
  const environment = { SOURCE_DATABASE_URLS: source.url, CENTRAL_DATABASE_URL: central.url };
  const since = await serverTime(lab);
  const work = () => reportOf<DrainReport>(startCentralcloud(["drain"], environment));
  const { result, walBytes } = await withWal(lab, () =>
    meanwhile === undefined ? work() : meanwhile({ source, central }, work),
  );
  const { processed, duplicates, deadLettered } = result.report;
  const dead = backlog.poison === undefined ? 0 : poisonIn(backlog.messages);
  assertResult(
    "the drain's report",
    { settled: backlog.messages - dead, deadLettered: dead },
    { settled: processed + duplicates, deadLettered },
  );
  await assertMergedOnce(central.pool, prepared.expected, ledgerBefore);
  await assertSettled(source.pool, backlog, archivedBefore);
  return {
    ...drainFigures(backlog.messages, result.report.elapsedMs, result, walBytes),
    steadyPerSecond: await steadyRate(central.pool, since),
    duplicates,
  };
}
