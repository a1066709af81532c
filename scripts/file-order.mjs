import { relative } from "node:path";
import { BaseSequencer } from "vitest/node";

/** Containers take longest to come up; the packages' own tests are short, and fill what is left for the end. */
const projects = ["images", "full", "test", "packages"];

/** Longer than this the last time: such a file begins before all others. */
const longMs = 10_000;

/** Set in CI, or where an order is to be had again: `TEST_ORDER_SEED=17 npm test`. */
const given = process.env.TEST_ORDER_SEED ?? (process.env.CI ? String(randomSeed()) : undefined);

/**
 * The order of test files. Each runs alone, in any order: so in CI it is drawn at random, by a seed that is printed.
 * Elsewhere those that took long the last time on this machine (Vitest keeps that) begin first, so that none is left
 * for the end while other workers have nothing to do. Either way the rest goes project by project, because a worker
 * continues with files of its project only, the one with the shortest files last.
 */
export default class FileOrder extends BaseSequencer {
  async sort(files) {
    const key = given === undefined ? this.#byTime() : this.#byLot(given);
    const ranked = files.map((file) => ({ file, ...key(file) }));
    ranked.sort(
      (one, other) =>
        other.first - one.first ||
        projects.indexOf(one.file.project.name) - projects.indexOf(other.file.project.name) ||
        one.place - other.place ||
        compare(one.file.moduleId, other.file.moduleId),
    );
    return ranked.map(({ file }) => file);
  }

  #byTime() {
    return ({ project, moduleId }) => {
      const name = `${project.name}:${relative(this.ctx.config.root, moduleId)}`;
      const ms = this.ctx.cache.getFileTestResults(name)?.duration ?? 0;
      return { first: ms > longMs ? ms : 0, place: -ms };
    };
  }

  #byLot(seed) {
    console.log(`files in the order of TEST_ORDER_SEED=${seed}`);
    return ({ project, moduleId }) => ({
      first: 0,
      place: lot(`${seed}:${project.name}:${moduleId.split("/").slice(-3)}`),
    });
  }
}

function randomSeed() {
  return Math.floor(Math.random() * 1_000_000);
}

/** A number that looks drawn at random, and is the same for the same text (FNV-1a). */
function lot(text) {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return hash >>> 0;
}

function compare(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
