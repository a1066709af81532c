/** How a session's state can be sealed for a key; the `alg` of a key. */
export const algorithms = ["openpgp", "x25519-sealedbox"] as const;

export type Algorithm = (typeof algorithms)[number];

export function isAlgorithm(name: unknown): name is Algorithm {
  return algorithms.some((algorithm) => algorithm === name);
}

/** The `alg` of a seal by a data key, which is sealed itself for a key of `openpgp`. */
export const dataKeyAlgorithm = "openpgp-data-key";
