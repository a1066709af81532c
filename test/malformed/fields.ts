import { type QueueName, queueNames } from "@centralcloud/contracts";
import { type Fields, json } from "../support/queue-cases/queue-case.ts";
import { queueCases } from "../support/queue-cases.ts";
import type { Ingredients } from "./kind.ts";

export { type Fields, json, timeOf } from "../support/queue-cases/queue-case.ts";

export const patterns = "centralcloud-new-patterns";
export const sessions = "agent-sessions";
export const knowledge = "agent-knowledge-updates";

/** A valid message that only `mark` tells from others of its queue. */
export function validFields(queue: QueueName, { mark }: Pick<Ingredients, "mark">): Fields {
  return queueCases[queue].marked(mark);
}

export function write(fields: Fields): string {
  const pairs = Object.entries(fields).map(([key, text]) => `${json(key)}:${text}`);
  return `{${pairs.join(",")}}`;
}

/** The text of a valid message with some of its values replaced. */
export function valid(queue: QueueName, ingredients: Ingredients, changes: Fields = {}): string {
  return write({ ...validFields(queue, ingredients), ...changes });
}

export function without(fields: Fields, key: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([other]) => other !== key));
}

export function anyQueue({ random }: Pick<Ingredients, "random">): QueueName {
  return random.pick(queueNames);
}
