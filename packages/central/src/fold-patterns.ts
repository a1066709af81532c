import { hash } from "node:crypto";
import { binaryArray } from "./binary-array.ts";
import { boundsOf } from "./canonical-json.ts";

/** Parameters of `central.merge_patterns` in place of the messages, in its order. */
export type FoldedPatterns = readonly [
  fingerprints: Buffer,
  agentIds: Buffer,
  confidences: string,
  learnedAts: string,
  patternFingerprints: Buffer,
  patterns: Buffer,
];

const keys = ["pattern", "agent_id", "confidence", "learned_at"];

/**
 * Takes pattern messages apart, so that the central server parses and compares less: each pattern travels once, with
 * its fingerprint. Only where what the server would make of each message is certain, which is nearly always; else
 * undefined, and the server is given the messages.
 *
 * @param documents JSON texts that the contract has accepted.
 */
export function foldPatterns(documents: readonly string[]): FoldedPatterns | undefined {
  const fingerprints: Uint8Array[] = [];
  const agentIds: string[] = [];
  const confidences: string[] = [];
  const learnedAts: string[] = [];
  const known = new Map<string, Uint8Array>();
  for (const document of documents) {
    const bounds = boundsOf(document, keys);
    if (bounds === undefined) return undefined;
    const pattern = textAt(document, bounds, 0);
    const agentId = stringOf(textAt(document, bounds, 1));
    const confidence = confidenceOf(textAt(document, bounds, 2));
    const learnedAt = instantOf(textAt(document, bounds, 3));
    if (pattern === undefined || agentId === undefined) return undefined;
    if (confidence === undefined || learnedAt === undefined) return undefined;
    let fingerprint = known.get(pattern);
    if (fingerprint === undefined) {
      fingerprint = hash("sha256", pattern, "buffer");
      known.set(pattern, fingerprint);
    }
    fingerprints.push(fingerprint);
    agentIds.push(agentId);
    confidences.push(confidence);
    learnedAts.push(learnedAt);
  }
  return [
    binaryArray("bytea", fingerprints),
    binaryArray("text", agentIds),
    `{${confidences.join(",")}}`,
    `{${learnedAts.join(",")}}`,
    binaryArray("bytea", [...known.values()]),
    binaryArray("jsonb", [...known.keys()]),
  ];
}

function textAt(document: string, bounds: readonly number[], place: number): string | undefined {
  const start = bounds[2 * place] ?? -1;
  return start === -1 ? undefined : document.slice(start, bounds[2 * place + 1]);
}

/** Undefined for numbers, too: which numeral they become is the server's to say. */
function stringOf(text: string | undefined): string | undefined {
  if (text === undefined || !text.startsWith('"')) return undefined;
  return text.includes("\\") ? (JSON.parse(text) as string) : text.slice(1, -1);
}

/** A number, or a string that is one, without sign and exponent. */
const simpleNumeral = /^"?(\d{1,100}(?:\.\d{1,100})?)"?$/;

function confidenceOf(text = "null"): string | undefined {
  return text === "null" ? "0.5" : simpleNumeral.exec(text)?.[1];
}

/** With an offset; what has none is UTC, whatever the session's time zone. */
const simpleInstant = /^"([\d:.T-]+?)(Z|[+-]\d\d(?::?\d\d)?)?"$/i;

function instantOf(text = ""): string | undefined {
  const [, local, offset = "Z"] = simpleInstant.exec(text) ?? [];
  return local === undefined ? undefined : local + offset;
}
