import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Longer than any of the named tests takes on a slow machine; a mistake may make one wait for ever. */
const timeoutMs = 150_000;

/**
 * Runs the tests that should notice, until one fails: those of a project together, and those of which a name is given
 * by themselves.
 *
 * @param serverUrl of the server that they use.
 * @returns `failed`, the name of the one that failed; `timedOut` where they did not end. Ends where none begins.
 */
export async function runTests(root, tests, serverUrl) {
  for (const { project, files, name } of groupsOf(tests)) {
    const words = ["run", "--project", project, ...files, "--bail", "1", "--reporter", "json"];
    if (name !== undefined) words.push("--testNamePattern", name);
    const { code, output, isLate } = await runToItsEnd(root, words, serverUrl);
    if (isLate) return { timedOut: true };
    assertSomethingRan(words, files, code, output);
    if (code !== 0) return { failed: failureIn(output) };
  }
  return {};
}

function groupsOf(tests) {
  const groups = new Map();
  for (const test of tests) {
    const [, room, part, name] = /^(.+?):(\S+)(?: (.+))?$/.exec(test);
    // Those beside the code of a package are of one project.
    const [, folder] = /^@centralcloud\/(.+)$/.exec(room) ?? [];
    const project = folder === undefined ? room : "packages";
    const file = folder === undefined ? part : `packages/${folder}/test/${part}`;
    const key = `${project}:${name ?? ""}`;
    const group = groups.get(key) ?? { project, files: [], name };
    group.files.push(file);
    groups.set(key, group);
  }
  return groups.values();
}

/** All its processes end with it: one may loop for ever. */
async function runToItsEnd(root, words, serverUrl) {
  const child = spawn(join(root, "node_modules/.bin/vitest"), words, {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, NO_COLOR: "1", TEST_SERVER_URL: serverUrl },
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  const output = text(child.stdout);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, output: await output, isLate };
}

function failureIn(output) {
  const results = reportIn(output)?.testResults ?? [];
  for (const { assertionResults, message } of results) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed !== undefined) return failed.fullName;
    if (message) return message.split("\n")[0];
  }
  return "a process of the tests died";
}

/**
 * A filter that matches nothing notices nothing, and must not look like a mistake that nobody notices; nor is a mistake
 * noticed where the tests can't be set up.
 */
function assertSomethingRan(words, files, code, output) {
  const { numTotalTests = 0, numPassedTests = 0, testResults = [] } = reportIn(output) ?? {};
  const ran = (file) => testResults.some(({ name }) => name.includes(file));
  if (code === 0 ? numPassedTests > 0 && files.every(ran) : numTotalTests > 0) return;
  console.error(
    `mutants: vitest ${words.join(" ")} has begun no test, or none of some file: its set-up failed, or it names none`,
  );
  process.exit(2);
}

function reportIn(output) {
  const begin = output.indexOf('{"numTotalTestSuites"');
  if (begin < 0) return undefined;
  return JSON.parse(output.slice(begin).split("\n")[0]);
}
