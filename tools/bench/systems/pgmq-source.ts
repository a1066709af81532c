import {
  type Backlog,
  type Content,
  expectedContent,
  fillQueue,
  installMessages,
} from "../backlog.ts";
import type { Lab } from "../scenario.ts";
import type { Base } from "../stage.ts";

/** A database that holds a backlog, to clone, and what must come of it. */
export interface PreparedSource {
  readonly template: string;
  readonly expected: Content;
}

/** A database that can make the messages, but has none yet. */
export async function emptySource(
  { stage }: Lab,
  base: Exclude<Base, "central"> = "source",
): Promise<string> {
  return stage.template(`${base}, empty`, await stage.base(base), installMessages);
}

/** What a backlog must come to, by its messages' numbers. */
export async function contentOf(lab: Lab, backlog: Backlog): Promise<Content> {
  const { pool } = await lab.stage.scratch(await emptySource(lab));
  return await expectedContent(pool, backlog);
}

/** A pgmq queue with a backlog; made once of each kind, and shared by the contenders that drain it. */
export async function prepareQueue(
  lab: Lab,
  backlog: Backlog,
  base: Exclude<Base, "central"> = "source",
): Promise<PreparedSource> {
  const key = JSON.stringify({ base, backlog });
  const template = await lab.stage.template(key, await emptySource(lab, base), (database) =>
    fillQueue(database, backlog),
  );
  return { template, expected: await contentOf(lab, backlog) };
}
