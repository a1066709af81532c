import type { QueueTotals } from "./totals.ts";

export interface Status {
  readonly queues: readonly (QueueTotals & { readonly queue: string; readonly waiting: number })[];
  /** In the central store. */
  readonly patternCount: number;
  /** Why the numbers that databases tell are old, where they are. */
  readonly problem: string | undefined;
}

const columns = ["waiting", "merged", "duplicates", "dead-lettered"] as const;

/** A table for a terminal: a line per queue, then the central store. */
export function formatBlock({ queues, patternCount, problem }: Status): readonly string[] {
  const width = Math.max(...queues.map(({ queue }) => queue.length));
  const rows = queues.map((queue) => {
    const cells = [queue.waiting, queue.merged, queue.duplicates, queue.deadLettered].map(format);
    return cells.map((cell, index) => cell.padStart((columns[index] ?? "").length + 2)).join("");
  });
  return [
    "",
    `  ${"queue".padEnd(width)}${columns.map((name) => `  ${name}`).join("")}`,
    ...rows.map((row, index) => `  ${(queues[index]?.queue ?? "").padEnd(width)}${row}`),
    `  central store: ${format(patternCount)} patterns`,
    ...(problem === undefined ? [] : [`  a database does not answer: ${problem}`]),
  ];
}

/** The same in one line, for a log. */
export function formatLine({ queues, patternCount, problem }: Status): string {
  const sum = (name: keyof QueueTotals) => queues.reduce((total, queue) => total + queue[name], 0);
  const waiting = queues.map(({ queue, waiting }) => `${queue} ${waiting}`).join(", ");
  const words = [
    `waiting: ${waiting}`,
    `merged ${sum("merged")}, duplicates ${sum("duplicates")}, dead-lettered ${sum("deadLettered")}`,
    `${patternCount} patterns in the central store`,
    ...(problem === undefined ? [] : [`a database does not answer: ${problem}`]),
  ];
  return words.join("; ");
}

function format(count: number): string {
  return count.toLocaleString("en-US");
}
