import { BaseSequencer } from "vitest/node";

/** Files that take a quarter of a minute or more, the longest first; for the length of the whole run, no more. */
const long = [
  "bench/bench",
  "security/output-search",
  "chaos/chaos",
  "images/compose",
  "capacity/measure",
  "operations/evening",
  "operations/procedures",
  "cdc/killed-readers",
  "operations/restore",
  "cdc/interruptions",
  "images/centralcloud",
  "cdc/restarts",
  "cdc/lost-slot",
  "singularity/scheduler",
  "singularity/migrate",
  "malformed/malformed",
  "security/tls",
  "embedded/test/crash",
  "cli/doctor-fix",
  "cli/commands",
].map((path) => `/${path}.test.ts`);

/**
 * The order of test files: those that take long begin first, so that none is left for the end while other
 * workers have nothing to do. Then project by project, because a worker goes on with files of its project only.
 */
export default class LongestFirst extends BaseSequencer {
  async sort(files) {
    const rank = ({ moduleId }) => {
      const place = long.findIndex((path) => moduleId.endsWith(path));
      return place === -1 ? long.length : place;
    };
    return files.toSorted(
      (one, other) =>
        rank(one) - rank(other) ||
        compare(one.project.name, other.project.name) ||
        compare(one.moduleId, other.moduleId),
    );
  }
}

function compare(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
