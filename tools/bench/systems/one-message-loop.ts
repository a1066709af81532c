import { assertSettled } from "../verify.ts";
import { prepareQueue } from "./pgmq-source.ts";
import type { System } from "./system.ts";
import { contendWorker } from "./worker.ts";

/** What most would write first, done with care: nothing leaves the queue before it is merged. */
export const oneMessageLoop: System = {
  name: "one-message-loop",
  takes: "each",
  contend: (lab, backlog) =>
    contendWorker(lab, backlog, {
      name: "one-message-loop",
      detail: "pgmq-js 1.3.1: read one message, merge it, archive it, and again",
      program: "one-message-loop",
      settings: {},
      prepare: () => prepareQueue(lab, backlog),
      assertSettled: ({ pool }) => assertSettled(pool, backlog),
    }),
};
