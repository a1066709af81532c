import type { CheckResult, FoundSeal } from "./check-seal.ts" with { "resolution-mode": "import" };

/*
 * What a thread of the seal checker loads first. It is CommonJS because piscina tries `require` before `import`:
 * where a thread is ended while it requires an ES module, which a consumer does that stops as soon as it has
 * started, Node 20 aborts the whole process.
 */
const loading = import("./check-seal.js");

module.exports = async (seals: readonly FoundSeal[]): Promise<CheckResult[]> =>
  (await loading).default(seals);
