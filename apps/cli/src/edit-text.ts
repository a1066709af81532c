import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Environment, printable } from "@centralcloud/service";
import { structuredPatch } from "diff";
import { paint, printError } from "./output.ts";
import { withTerminal } from "./progress.ts";

/** A text in a file that only its owner may read, for an editor. */
export interface EditedFile {
  readonly path: string;
  read(): Promise<string>;
  /** Takes it away, with its folder. */
  remove(): Promise<void>;
}

/** @param name of the file, whose ending tells editors what it holds. */
export async function createEditedFile(name: string, text: string): Promise<EditedFile> {
  const folder = await mkdtemp(join(tmpdir(), "centralcloud-edit-"));
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600, flag: "wx" });
  return {
    path,
    read: () => readFile(path, "utf8"),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** The editor that the environment names, which may have options of its own. */
export function editorOf({ VISUAL: visual, EDITOR: editor }: Environment): string {
  return visual || editor || "vi";
}

/**
 * Opens a file in an editor and waits for its end.
 *
 * @throws where it can't be started or fails.
 */
export async function openInEditor(editor: string, path: string): Promise<void> {
  const { stdout } = process;
  await withTerminal(async () => {
    // Ctrl-C is the editor's: the shell around it does not end by it.
    const child = spawn("/bin/sh", ["-c", `trap : INT; ${editor} "$1"`, "editor", path], {
      // A result may go to a file: the editor needs the terminal.
      stdio: ["inherit", stdout.isTTY ? "inherit" : process.stderr, "inherit"],
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    if (code === 0) return;
    throw new Error(
      `the editor (${printable(editor)}) ended with ${signal ?? `exit code ${code}`}`,
    );
  });
}

/** What was changed, line by line, as `diff -u` shows it. */
export function formatDiff(before: string, after: string): string {
  const { hunks } = structuredPatch("before", "after", before, after, "", "", { context: 3 });
  const meanings = { "+": "good", "-": "bad" } as const;
  return hunks
    .flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
      paint("faint", `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`),
      ...lines
        .filter((line) => !line.startsWith("\\"))
        .map((line) => {
          const meaning = meanings[line[0] as keyof typeof meanings];
          return meaning === undefined ? printable(line) : paint(meaning, printable(line));
        }),
    ])
    .join("\n");
}

/** Whether somebody is there who can answer a question. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true;
}

/** Asks a question on the terminal; the end of the input is no answer. */
export async function ask(question: string): Promise<string> {
  return await withTerminal(async () => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const ended = once(lines, "close").then(() => "");
      const answer = await Promise.race([lines.question(question), ended]);
      return answer.trim().toLowerCase();
    } finally {
      lines.close();
    }
  });
}

/** Says where a text is kept that was not used. */
export function tellKept(path: string): void {
  printError(`The text is kept in ${path}`);
}
