import type { Pool } from "pg";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";
import { type ProcedurePair, procedurePairs } from "./procedure-pairs.ts";

/** @returns milliseconds */
async function repeatUntilDone(pool: Pool, statement: string, once: boolean): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const { rows } = await pool.query<{ count: number }>(statement);
    if (once || !rows[0]?.count) return performance.now() - startedAt;
  }
}

function contend(lab: Lab, pair: ProcedurePair, kind: "procedure" | "bare"): Contender {
  const rows = lab.sizes.procedures;
  let template: string | undefined;
  return {
    name: kind === "procedure" ? pair.name : `${pair.name}: bare SQL`,
    detail: kind === "procedure" ? "the procedure" : "the least SQL that makes the same rows",
    async prepare() {
      template = await lab.stage.template(
        JSON.stringify({ pair: pair.name, rows }),
        await emptySource(lab),
        ({ pool }) => pair.fill(pool, rows),
      );
    },
    async run() {
      if (template === undefined) throw new Error("not prepared");
      const database = await lab.stage.clone(template);
      const { pool } = database;
      try {
        if (kind === "bare" && pair.beforeBare !== undefined) await pool.query(pair.beforeBare);
        const ms = await repeatUntilDone(pool, pair[kind], pair.once ?? false);
        const { rows: found } = await pool.query<{ done: number }>(pair.done);
        assertResult(`${pair.name}, ${kind}`, rows, found[0]?.done);
        return { rowsPerSecond: rows / (ms / 1000), rows };
      } finally {
        await lab.stage.drop(database);
      }
    },
  };
}

/** What the procedures cost above the statements that they can't do without. */
export const procedures: Scenario = {
  name: "procedures",
  title: "The procedures of the Singularity database against bare SQL",
  plan: (lab) => ({
    contenders: procedurePairs.flatMap((pair) => [
      contend(lab, pair, "procedure"),
      contend(lab, pair, "bare"),
    ]),
    columns: [
      { figure: "rowsPerSecond", heading: "rows/s" },
      { figure: "rows", heading: "of" },
    ],
    goals: procedurePairs.map(({ name }) => ({
      what: `${name} against bare SQL`,
      contender: name,
      figure: "rowsPerSecond",
      versus: `${name}: bare SQL`,
    })),
  }),
};
