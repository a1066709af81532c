import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Ajv, type ValidateFunction } from "ajv";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { staleFiles } from "../src/documents/files.ts";
import {
  contractFor,
  deadLetterSchema,
  messageHeadersSchema,
  type QueueName,
  queueNames,
} from "../src/index.ts";
import { jsonSchemaOf } from "../src/json-schema.ts";
import { borderline, checkText, issuesOf, minimal } from "./messages.ts";

const generated = new URL("../generated/", import.meta.url);
const ajv = new Ajv({ allowUnionTypes: true, strictTypes: false });

function read(name: string) {
  return JSON.parse(readFileSync(new URL(name, generated), "utf8"));
}

const validators = new Map<QueueName, ValidateFunction>(
  queueNames.map((queue) => [queue, ajv.compile(read(`${queue}.schema.json`))]),
);

function isValid(queue: QueueName, message: unknown): boolean {
  return validators.get(queue)?.(message) === true;
}

describe("the generated files", () => {
  it("are current", async () => {
    expect(await staleFiles(generated)).toEqual([]);
  });

  it("are called stale where they are edited, missing or left over", async () => {
    const copy = mkdtempSync(join(tmpdir(), "generated-"));
    onTestFinished(() => rmSync(copy, { recursive: true }));
    cpSync(generated, copy, { recursive: true });
    writeFileSync(join(copy, "asyncapi.json"), "{}");
    writeFileSync(join(copy, "left-over.json"), "{}");
    rmSync(join(copy, "dead-letter.schema.json"));
    const stale = ["asyncapi.json", "dead-letter.schema.json", "left-over.json"];
    expect(await staleFiles(pathToFileURL(`${copy}/`))).toEqual(stale);
    expect(await staleFiles(pathToFileURL(`${copy}/nowhere/`))).toHaveLength(5);
  });
});

describe("the JSON Schemas", () => {
  it("agree with the contracts, except that they can't bound numeric strings", () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(borderline, ({ queue, message }) => {
        const issues = issuesOf(checkText(queue, JSON.stringify(message)));
        const beyondSchema = issues.filter(
          ({ path, code }) => code === "out_of_range" && typeof at(message, path) === "string",
        );
        expect(isValid(queue, message)).toBe(issues.length === beyondSchema.length);
        seen[issues.length === 0 ? "accepted" : "refused"] += 1;
      }),
      { numRuns: 3000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(300);
  });

  it.each(queueNames)("accept the minimal message of %s", (queue) => {
    expect(isValid(queue, minimal[queue])).toBe(true);
  });
});

describe("the AsyncAPI document", () => {
  const asyncApi = read("asyncapi.json");
  const { channels, operations, components } = asyncApi;

  it("has a channel for each queue and for its dead letters", () => {
    const addresses = queueNames.flatMap((queue) => [queue, `${queue}-dlq`]);
    expect(Object.keys(channels)).toEqual(addresses);
    expect(Object.keys(operations)).toHaveLength(addresses.length);
  });

  it.each(queueNames)("has an example of %s that its contract accepts", (queue) => {
    const { version } = contractFor(queue);
    const { examples } = components.messages[version.replace(/\/.*/, "")];
    expect(examples).not.toHaveLength(0);
    for (const { headers, payload } of examples) {
      expect(headers).toEqual({ schema: version });
      expect(messageHeadersSchema.safeParse(headers).success).toBe(true);
      expect(issuesOf(checkText(queue, JSON.stringify(payload)))).toEqual([]);
    }
  });

  it("has an example of a dead letter that its schema accepts", () => {
    const { examples } = components.messages["dead-letter"];
    expect(deadLetterSchema.safeParse(examples[0].payload).error).toBeUndefined();
    expect(ajv.validate(jsonSchemaOf(deadLetterSchema), examples[0].payload)).toBe(true);
  });

  it("refers only to what it has", () => {
    const document = JSON.stringify({ channels, operations });
    const references = [...document.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path);
    expect(references).not.toHaveLength(0);
    for (const reference of references) {
      const steps = reference?.split("/") ?? [];
      const found = steps.reduce<unknown>((node, step) => Object(node)[step], asyncApi);
      expect(found, reference).toBeDefined();
    }
  });
});

/** The value at a path like `agents[3].confidence`. */
function at(message: unknown, path: string): unknown {
  const steps = path.match(/[^.[\]]+/g) ?? [];
  return steps.reduce<unknown>((node, step) => Object(node)[step], message);
}
