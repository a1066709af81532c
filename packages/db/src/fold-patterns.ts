import { hash } from "node:crypto";
import { binaryArray } from "./binary-array.ts";
import { membersOf, type Slice } from "./canonical-json.ts";

/** Parameters of `central.merge_patterns` in place of the messages, in its order. */
export type FoldedPatterns = readonly [
  fingerprints: Buffer,
  agentIds: Buffer,
  confidences: string,
  learnedAts: string,
  patternFingerprints: Buffer,
  patterns: Buffer,
];

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
    const members = membersOf(document);
    if (members === undefined) return undefined;
    const pattern = textOf(document, members.get("pattern"));
    const agentId = stringOf(document, members.get("agent_id"));
    const confidence = confidenceOf(document, members.get("confidence"));
    const learnedAt = instantOf(document, members.get("learned_at"));
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

function textOf(document: string, slice: Slice | undefined): string | undefined {
  return slice === undefined ? undefined : document.slice(...slice);
}

/** Undefined for numbers, too: which numeral they become is the server's to say. */
function stringOf(document: string, slice: Slice | undefined): string | undefined {
  const text = textOf(document, slice);
  if (text === undefined || !text.startsWith('"')) return undefined;
  return text.includes("\\") ? (JSON.parse(text) as string) : text.slice(1, -1);
}

/** A number, or a string that is one, without sign and exponent. */
const simpleNumeral = /^"?(\d{1,100}(?:\.\d{1,100})?)"?$/;

function confidenceOf(document: string, slice: Slice | undefined): string | undefined {
  const text = textOf(document, slice) ?? "null";
  return text === "null" ? "0.5" : simpleNumeral.exec(text)?.[1];
}

/** With an offset; what has none is UTC, whatever the session's time zone. */
const simpleInstant = /^"([\d:.T-]+?)(Z|[+-]\d\d(?::?\d\d)?)?"$/i;

function instantOf(document: string, slice: Slice | undefined): string | undefined {
  const [, local, offset = "Z"] = simpleInstant.exec(textOf(document, slice) ?? "") ?? [];
  return local === undefined ? undefined : local + offset;
}
