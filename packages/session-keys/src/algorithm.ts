/** How a session's state can be sealed; the `alg` of a message and of a key. */
export const algorithms = ["openpgp", "x25519-sealedbox"] as const;

export type Algorithm = (typeof algorithms)[number];

export function isAlgorithm(name: unknown): name is Algorithm {
  return algorithms.some((algorithm) => algorithm === name);
}
