import { BaseSequencer } from "vitest/node";

/**
 * Files that take ten seconds or more, the longest first, but those that work a processor hard beside those that
 * mostly wait; for the length of the whole run, no more.
 */
const long = [
  "bench/bench",
  "cdc/lost-slot",
  "chaos/chaos",
  "images/compose",
  "singularity/scheduler",
  "operations/evening",
  "cdc/restarts",
  "operations/procedures",
  "cdc/interruptions",
  "capacity/measure",
  "cdc/killed-readers",
  "images/centralcloud",
  "malformed/malformed",
  "embedded/test/crash",
  "cli/doctor-fix",
  "operations/restore",
  "singularity/migrate",
  "security/tls",
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
