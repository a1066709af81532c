import { createHash } from "node:crypto";

/** So many of them, the same ones for the same seed and catalogue. */
export function pickSample(mutants, count, seed) {
  const rank = ({ name }) => createHash("sha256").update(`${seed} ${name}`).digest("hex");
  return mutants
    .map((mutant) => ({ mutant, rank: rank(mutant) }))
    .sort((one, other) => (one.rank < other.rank ? -1 : 1))
    .slice(0, count)
    .map(({ mutant }) => mutant);
}
