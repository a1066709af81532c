import { type QueueName, queueNames } from "@centralcloud/contracts";
import type { Ingredients } from "./kind.ts";

/** A message as its keys and the JSON text of each value, so that no value is ever a JavaScript number. */
export type Fields = Readonly<Record<string, string>>;

export const patterns = "centralcloud-new-patterns";
export const sessions = "agent-sessions";
export const knowledge = "agent-knowledge-updates";

export const json = JSON.stringify;

/** Each message of knowledge has a time of its own, by which it is found again. */
export function timeOf(mark: number): string {
  return new Date(Date.UTC(2025, 0, 1) + mark * 1000).toISOString();
}

/** A valid message that only `mark` tells from others of its queue. */
export function validFields(queue: QueueName, { mark }: Pick<Ingredients, "mark">): Fields {
  switch (queue) {
    case "centralcloud-new-patterns":
      return {
        agent_id: json(`agent-${mark % 11}`),
        pattern: `{"mark":${mark}}`,
        learned_at: json(timeOf(mark)),
        confidence: `0.${(mark % 89) + 10}`,
      };
    case "agent-sessions":
      return {
        agent_id: json(`agent-${mark % 11}`),
        session_id: json(`session-${mark}`),
        session_state: `{"mark":${mark}}`,
        synced_at: json(timeOf(mark)),
      };
    case "agent-knowledge-updates":
      return {
        agents_updated: "1",
        total_patterns: String(mark),
        updated_at: json(timeOf(mark)),
        agents: `[{"agent_id":"agent-${mark}","pattern_count":${mark},"confidence":0.5}]`,
      };
  }
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

export const requiredKeys: Readonly<Record<QueueName, readonly string[]>> = {
  "centralcloud-new-patterns": ["agent_id", "pattern", "learned_at"],
  "agent-sessions": ["agent_id", "session_id", "synced_at"],
  "agent-knowledge-updates": ["agents_updated", "total_patterns", "updated_at"],
};

export function anyQueue({ random }: Pick<Ingredients, "random">): QueueName {
  return random.pick(queueNames);
}
