import { readdirSync, readFileSync } from "node:fs";
import { createProgram, pathOf } from "@centralcloud/cli";
import { expect, test } from "vitest";

type Program = ReturnType<typeof createProgram>;

const root = new URL("../../", import.meta.url);
const pages = [
  "README.md",
  "SECURITY.md",
  ...["docs", "docs/operate"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
];

/** Every command that a page shows whole: a line of a block, or a piece of code in a sentence, without `…`. */
function commandsOf(page: string): readonly string[] {
  const text = readFileSync(new URL(page, root), "utf8");
  const blocks = [...text.matchAll(/^( *)```sh[^\n]*\n([\s\S]*?)^\1```/gm)].flatMap(
    ([, , block = ""]) => block.replaceAll(/\\\n\s*/g, " ").split("\n"),
  );
  const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```/gm, "");
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
  return [...blocks, ...inline.map((code) => code.replaceAll(/\s+/g, " "))]
    .map((line) => /^\s*(?:npx |\S*\.bin\/)?centralcloud ([a-z].*)$/.exec(line)?.[1] ?? "")
    .filter((words) => words !== "" && !/[…[]|\bCOMMAND\b/.test(words));
}

const commands = pages.flatMap((page) => commandsOf(page).map((words) => [words, page] as const));

/** Every command and group, and the program itself. */
function all(command: Program): readonly Program[] {
  return [command, ...command.commands.flatMap((child) => all(child as Program))];
}

test("the documentation shows commands", () => {
  expect(commands.length).toBeGreaterThan(60);
});

test.each(commands)("the parser takes `centralcloud %s` of %s", async (line) => {
  const program = createProgram({});
  const ran: string[] = [];
  for (const command of all(program)) {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    if (command.commands.length > 0 && !["jobs", "queues"].includes(pathOf(command))) continue;
    command.action(() => {
      ran.push(pathOf(command));
    });
  }
  const words = wordsOf(line);
  if (words[0] === "help") return expect(words.slice(1).join(" ")).not.toMatch(/^-/);
  await program.parseAsync([...words], { from: "user" });
  expect(ran).toHaveLength(1);
});

/** As a shell would: quotes, no comment, and nothing behind a pipe or an angle. A name in capitals is a number here. */
function wordsOf(line: string): readonly string[] {
  const [command = ""] = line.split(/ [|<>] | +# /);
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map(([, single, double, plain]) => single ?? double ?? plain ?? "")
    .map((word) => (word === "ID" ? "1" : word));
}
