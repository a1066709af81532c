import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandHelp, createProgram, helpOf, helpVariables, pathOf } from "@centralcloud/cli";
import { describe, expect, onTestFinished, test } from "vitest";
import { failOnLeaks } from "../support/leaks.ts";
import { operatePage } from "../support/operations-page.ts";
import { runCommand, runCommandWith } from "../support/run-command.ts";

failOnLeaks();

type Program = ReturnType<typeof createProgram>;

/** Every command and group, and the program itself. */
function all(command: Program): readonly Program[] {
  return [command, ...command.commands.flatMap((child) => all(child as Program))];
}

const commands = all(createProgram({}));
const paths = commands.map(pathOf);

const fileOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe.each(paths)("centralcloud %s", (path) => {
  test("its help has examples, variables, exit codes and a page of the documentation", async () => {
    const { exitCode, stdout } = await runCommand(
      [...path.split(" ").filter(Boolean), "--help"],
      {},
    );
    expect(exitCode).toBe(0);
    for (const title of ["Examples:", "Environment:", "Exit codes:", "Documentation: "]) {
      expect(stdout).toMatch(new RegExp(`^${title}`, "m"));
    }
    expect(stdout).toMatch(/^Examples:\n {2}centralcloud \S+/m);
  });

  test("its page of the documentation has the heading", () => {
    const command = commands.find((one) => pathOf(one) === path) as Program;
    const [file = "", anchor] = (helpOf(command)?.page ?? "").split("#");
    const headings = [...fileOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-"),
    );
    if (anchor !== undefined) expect(headings).toContain(anchor);
  });
});

test("every row of the help is that of a command", () => {
  expect(paths).toEqual(expect.arrayContaining(Object.keys(commandHelp)));
});

const examples = Object.entries(commandHelp).flatMap(([path, { examples: own }]) =>
  own.map(([words]) => [words, path] as const),
);

/** Groups that do something by themselves. */
const groupsThatRun = ["jobs", "queues"];

test.each(examples)("the parser takes the example `centralcloud %s`", async (example, path) => {
  const program = createProgram({});
  const ran: string[] = [];
  for (const command of all(program)) {
    if (command.commands.length === 0 || groupsThatRun.includes(pathOf(command))) {
      command.action(() => {
        ran.push(pathOf(command));
      });
    }
  }
  const words = wordsOf(example);
  if (words[0] === "help") return expect(paths).toContain(words.slice(1).join(" "));
  await program.parseAsync(words, { from: "user" });
  expect(ran).toHaveLength(1);
  // A command shows itself, also where it stands in two places; the program and groups show what is below them, too.
  if (path !== "" && !groupsThatRun.includes(path))
    expect(commandHelp[ran[0] ?? ""]).toBe(commandHelp[path]);
});

/** As a shell would: quotes, and nothing behind a pipe or an angle. */
function wordsOf(line: string): string[] {
  const [command = ""] = line.split(/ [|<>] /);
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );
}

test("every variable of the help is among the settings of the documentation", () => {
  const page = `${operatePage("settings")}${operatePage("console")}`;
  for (const name of Object.keys(helpVariables)) {
    const wanted = name.replace(/_FILE$/, "").replace(/^OTEL_.*/, "OTEL_");
    expect(page, name).toContain(`\`${wanted}`);
  }
});

/** Read by every command: where somebody stands, what `npm start` has written there, and how a terminal is. */
const ofEveryCommand = [
  ...["INIT_CWD", "NPM_START_SCHEDULES", "TERM", "COLUMNS"],
  // The end of each help names them.
  ...["NO_COLOR", "FORCE_COLOR"],
];

/** How often a command reads each variable before it asks a database, of which none is given. */
async function readsOf(words: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "centralcloud-help-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const reads = new Map<string, number>();
  const environment = new Proxy<Record<string, string>>(
    { INIT_CWD: folder },
    {
      get: (target, name) => {
        if (typeof name === "string") reads.set(name, (reads.get(name) ?? 0) + 1);
        return Reflect.get(target, name);
      },
    },
  );
  await runCommandWith(words, environment);
  return reads;
}

test.each(examples)(
  "what `centralcloud %s` reads of its environment is in its help",
  async (example, path) => {
    // `-` would wait for standard input.
    const words = wordsOf(example).map((word) => (word === "-" ? "absent" : word));
    // What is looked for in any case is found by a command that reads nothing.
    const always = await readsOf(["completion", "bash"]);
    const reads = await readsOf(words);
    const read = [...reads].filter(([name, count]) => count > (always.get(name) ?? 0));
    const command = all(createProgram({})).find((one) => pathOf(one) === path) as Program;
    const told = new Set<string>([
      ...(helpOf(command)?.environment ?? []).flatMap((name) => [name, `${name}_FILE`]),
      ...ofEveryCommand,
    ]);
    const untold = read.map(([name]) => name).filter((name) => !told.has(name));
    if (path !== "") expect(untold.filter((name) => !/^OTEL_/.test(name))).toEqual([]);
  },
);

test("no help says what readers did not understand", async () => {
  const unclear =
    /bite later|fares|goes on|symmetry|\bdied\b|\bmend|(?<!key )(?<!-)(?<!--)\bring\b|whatever/i;
  for (const path of paths) {
    const { stdout } = await runCommand([...path.split(" ").filter(Boolean), "--help"], {});
    const text = stdout
      .replaceAll("add-to-ring", "")
      .replaceAll("--ring", "")
      .replaceAll(/\s+/g, " ");
    expect(text, path).not.toMatch(unclear);
  }
});
