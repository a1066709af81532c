const src = "packages/session-keys/src";
const unit = (file) => [`@centralcloud/session-keys:${file}`];

export default [
  {
    name: "seal-of-another-algorithm",
    in: src,
    search: "if (opener.alg !== keyAlgorithm) {",
    replace: "if (opener.alg !== keyAlgorithm && alg.length === 0) {",
    wrong: "a seal that names the wrong algorithm is not told by that",
    tests: unit("key-ring"),
  },
  {
    name: "unknown-algorithm",
    in: src,
    search: "if (!isAlgorithm(keyAlgorithm)) throw new UnknownAlgorithmError(alg);",
    replace: "if (!isAlgorithm(keyAlgorithm)) throw new KeyNotHeldError(alg);",
    wrong: "a seal of a newer release is told as a key that is not held",
    tests: unit("key-ring"),
  },
  {
    name: "one-broken-key-at-a-time",
    in: src,
    search: "mistakes.push(`key ${keyId}: ${why}`);",
    replace: "if (mistakes.length === 0) mistakes.push(`key ${keyId}: ${why}`);",
    wrong: "whoever fixes one key of a ring meets the next broken one at the next start",
    tests: unit("key-ring"),
  },
  {
    name: "broken-keys-are-left-out",
    in: src,
    search: "if (mistakes.length > 0) throw new KeyRingError(mistakes); const dataKeys",
    replace: "if (mistakes.length > 9) throw new KeyRingError(mistakes);\n\n  const dataKeys",
    wrong: "a consumer starts without a key, and dead-letters what is sealed for it",
    tests: unit("key-ring"),
  },
  {
    name: "words-of-a-broken-key",
    in: src,
    search: 'const why = error instanceof UnusableKeyError ? error.message : "it can\'t be read";',
    replace: "const why = error instanceof UnusableKeyError ? error.message : String(error);",
    wrong: "an error quotes a private key",
    tests: unit("key-ring"),
  },
];
