import { readdirSync, readFileSync } from "node:fs";

/** So much longer than the limits of its tests and hooks may a file say nothing. */
const graceMs = 30_000;
const lookEveryMs = 5_000;

/**
 * Ends a run in which a file hangs without end: a test that waits is ended by its own time limit, but one whose process
 * has stopped to answer, because it computes for ever, is not. Says which file, and which test of it was the last to begin.
 */
export default class HangReporter {
  #files = new Map();
  #timer;
  #lookedAt = 0;

  onTestModuleStart(module) {
    this.#files.set(module.id, {});
    this.#note(module);
    this.#timer ??= this.#keepLooking();
  }

  onTestModuleEnd({ id }) {
    this.#files.delete(id);
  }

  onHookStart({ entity }) {
    const module = moduleOf(entity);
    // What runs when the hook is done may have a limit of its own, and is not told again.
    const limits = [...module.children.allTests()].map(({ options }) => options.timeout ?? 0);
    this.#note(
      module,
      `a hook of ${entity.fullName ?? "the file"}, or after it`,
      Math.max(0, ...limits),
    );
  }

  onTestCaseReady(test) {
    this.#note(test.module, test.fullName, test.options.timeout);
  }

  onTestCaseResult(test) {
    this.#note(test.module, `after ${test.fullName}`);
  }

  onTestRunEnd() {
    clearInterval(this.#timer);
  }

  /** @param ownMs the longest limit of its own that a test has which may be running. */
  #note(module, what = "its first test, or what is before that", ownMs = 0) {
    const { id, project, relativeModuleId: path } = module;
    // What its last test did may be told after the end of the file.
    if (!this.#files.has(id)) return;
    const { testTimeout, hookTimeout } = project.config;
    const timeoutMs = Math.max(testTimeout, hookTimeout, ownMs) + graceMs;
    const at = performance.now();
    this.#files.set(id, { at, what, timeoutMs, path: `${project.name} ${path ?? id}` });
  }

  #keepLooking() {
    this.#lookedAt = performance.now();
    // What files have said meanwhile is heard first.
    return setInterval(() => setImmediate(() => this.#look()), lookEveryMs).unref();
  }

  #look() {
    const now = performance.now();
    // Where this process itself had no time, or the whole machine stood still, files could not say anything.
    const lateMs = Math.max(0, now - this.#lookedAt - lookEveryMs);
    for (const file of this.#files.values()) file.at += lateMs;
    this.#lookedAt = now;
    const silent = [...this.#files.values()].filter(({ at, timeoutMs }) => now - at > timeoutMs);
    if (silent.length === 0) return;
    for (const { at, what, path } of silent) {
      console.error(`hangs for ${Math.round((now - at) / 1000)} s: ${path}: ${what}`);
    }
    console.error("the run ends here: a process of it does not answer");
    for (const pid of workers()) process.kill(pid, "SIGKILL");
    process.exit(1);
  }
}

/** Who computes for ever does not notice that this process has ended. Only Linux tells who they are. */
function workers() {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
          .split(/^.*\) \S /s)[1]
          .match(/^(\d+)/);
        const isOurs = Number(parent) === process.pid;
        return isOurs && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("vitest");
      } catch {
        // It has ended meanwhile.
        return false;
      }
    })
    .map(Number);
}

function moduleOf(entity) {
  return entity.type === "module" ? entity : entity.module;
}
