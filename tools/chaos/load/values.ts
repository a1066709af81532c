import { type Decimal, parseDecimal } from "../oracle/decimal.ts";
import type { Random } from "./random.ts";

/*
 * What messages are made of, drawn from small sets so that messages collide often: each value as the
 * JSON text that is sent, in one of the spellings that the contracts allow, and as what it means.
 */

export interface Drawn<Meaning> {
  /** Undefined where the field is left out. */
  readonly json: string | undefined;
  readonly meaning: Meaning;
}

export function drawAgentId(random: Random): { json: string; meaning: string } {
  const number = random.integer(1, 40);
  // A number and the string of its digits are the same agent.
  if (number <= 5) {
    const text = String(number);
    return { json: random.chance(0.5) ? text : JSON.stringify(text), meaning: text };
  }
  const text = number === 6 ? "zoë 🦊" : `agent-${number}`;
  return { json: JSON.stringify(text), meaning: text };
}

const absentConfidence = parseDecimal("0.5");

export function drawConfidence(random: Random): Drawn<Decimal> {
  const spelling = random.integer(0, 9);
  if (spelling === 0) return { json: undefined, meaning: absentConfidence };
  if (spelling === 1) return { json: "null", meaning: absentConfidence };
  const text = random.pick([
    "0",
    "1",
    "0.50",
    "1e-3",
    "1E-30",
    "0.12345678901234567890",
    `0.${random.integer(0, 9999)}`,
    `${random.integer(0, 100)}e-2`,
  ]);
  const isString = random.chance(0.2);
  return { json: isString ? JSON.stringify(text) : text, meaning: parseDecimal(text) };
}

export function drawCount(random: Random, upTo: number): { json: string; meaning: bigint } {
  const count = random.integer(0, upTo);
  const json = random.pick([`${count}`, `${count}`, `${count}.0`, `"${count}"`, `${count}e0`]);
  return { json, meaning: BigInt(count) };
}

const start = BigInt(Date.UTC(2025, 9, 25)) * 1000n;

/** One of so many instants, a second and a microsecond apart from the next, in any spelling. */
export function drawInstant(random: Random, instants: number): { json: string; meaning: bigint } {
  const meaning = start + BigInt(random.integer(0, instants - 1)) * 1_000_001n;
  return { json: JSON.stringify(spellInstant(random, meaning)), meaning };
}

/** How an offset is written, and how many minutes it is. */
const offsets: readonly [readonly [string, number], ...(readonly [string, number])[]] = [
  ["Z", 0],
  ["", 0],
  ["+00:00", 0],
  ["+02:00", 120],
  ["-0530", -330],
  ["+14", 840],
];

function spellInstant(random: Random, microseconds: bigint): string {
  const [offset, minutes] = random.pick(offsets);
  const local = microseconds + BigInt(minutes) * 60_000_000n;
  const seconds = new Date(Number(local / 1_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (local % 1_000_000n).toString().padStart(6, "0");
  // Without the fraction only where there is none, and with fewer digits where they are zeros.
  const digits = fraction.replace(/0+$/, "");
  return `${seconds}${digits === "" ? "" : `.${random.chance(0.5) ? fraction : digits}`}${offset}`;
}

/** A JSON object of these members, in any order; those without a value are left out. */
export function writeObject(
  random: Random,
  members: readonly (readonly [key: string, json: string | undefined])[],
): string {
  const present = members.filter(([, json]) => json !== undefined);
  const ordered = random.chance(0.3) ? random.shuffle(present) : present;
  return `{${ordered.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}

/** A key that no contract knows; it is kept, whatever it holds. */
export function drawExtra(random: Random): readonly [key: string, json: string | undefined] {
  const json = random.pick([undefined, undefined, "12345678901234567890", '{"n":1e40,"x":0.10}']);
  return ["extra", json];
}
