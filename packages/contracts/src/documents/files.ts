import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import type * as z from "zod";
import { deadLetterSchema } from "../dead-letter.ts";
import { jsonSchemaDialect, jsonSchemaOf } from "../json-schema.ts";
import { contractFor, queueNames } from "../queues.ts";
import { asyncApiDocument } from "./asyncapi.ts";

/** Every generated file: its name and what belongs into it. */
function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const queue of queueNames) {
    const { version, schema } = contractFor(queue);
    files.set(`${queue}.schema.json`, print(standalone(version, schema)));
  }
  files.set("dead-letter.schema.json", print(standalone("dead-letter/1", deadLetterSchema)));
  files.set("asyncapi.json", print(asyncApiDocument()));
  return files;
}

export async function writeGeneratedFiles(directory: URL): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, content] of generatedFiles())
    await writeFile(new URL(name, directory), content);
}

/** Names of the files that differ from what would be generated now, are missing, or shouldn't be there. */
export async function staleFiles(directory: URL): Promise<string[]> {
  const wanted = generatedFiles();
  const present: string[] = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const stale = present.filter((name) => !wanted.has(name));
  for (const [name, content] of wanted) {
    const isCurrent =
      present.includes(name) && (await readFile(new URL(name, directory), "utf8")) === content;
    if (!isCurrent) stale.push(name);
  }
  return stale.sort();
}

function standalone(version: string, schema: z.ZodType) {
  return {
    $schema: jsonSchemaDialect,
    $id: `urn:centralcloud:${version}`,
    ...jsonSchemaOf(schema),
  };
}

function print(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
