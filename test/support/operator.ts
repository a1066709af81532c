import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { expect } from "vitest";
import { centralcloudProgram } from "./command.ts";
import { type Block, blocksOf, shownPattern } from "./operations-page.ts";

/** Somebody at a desk: a folder, and `centralcloud` on the path. */
export interface Operator {
  readonly folder: string;
  /** @param title a section of a page in docs/operate */
  follow(title: string): Steps;
  /** Where the databases are from now on, or another part of the environment. */
  set(changes: Readonly<Record<string, string>>): void;
  leave(): Promise<void>;
}

/** A section of the page that is followed from its first block to its last. */
export interface Steps {
  /**
   * Does the next block as it stands, expects that it succeeds (or ends with `exitCode`), and that what the page
   * shows beneath it is what comes out. Gives the output of a shell, or the rows of a statement as JSON.
   */
  next(exitCode?: number): Promise<string>;
  /** Compares what the page shows next, which no command of it printed, with what was seen. */
  expectShown(seen: string): void;
  /** Fails where a block of the section was not reached. */
  end(): void;
}

export interface OperatorOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly source: () => Pool;
  readonly central: () => Pool;
  /** Runs a shell where the server is; none where no step does. */
  readonly server?: (text: string) => Promise<{ exitCode: number | null; output: string }>;
}

export async function seatOperator(options: OperatorOptions): Promise<Operator> {
  const folder = await mkdtemp(join(tmpdir(), "centralcloud-operator-"));
  const program = join(folder, "centralcloud");
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${centralcloudProgram}" "$@"\n`);
  await chmod(program, 0o755);
  let environment: Record<string, string> = {
    ...options.environment,
    PATH: `${folder}:${process.env.PATH ?? ""}`,
  };

  async function act({ language, place, text }: Block) {
    if (language === "sql") return await query(place, text);
    if (place !== "server") return await runShell(text, folder, environment);
    if (options.server === undefined) throw new Error("there is no shell on a server here");
    return await options.server(text);
  }

  async function query(place: string | undefined, text: string) {
    const pool = place === "central" ? options.central() : options.source();
    // Several statements give several results.
    const results = [await pool.query(text)].flat();
    const rows = results.flatMap((result) => result.rows);
    return { exitCode: 0, output: JSON.stringify(rows) };
  }

  return {
    folder,
    follow: (title) => followBlocks(blocksOf(title), act),
    set(changes) {
      environment = { ...environment, ...changes };
    },
    leave: () => rm(folder, { recursive: true }),
  };
}

type Act = (block: Block) => Promise<{ exitCode: number | null; output: string }>;

function followBlocks(blocks: readonly Block[], act: Act): Steps {
  let at = 0;
  const isShown = (block: Block | undefined) =>
    block?.language === "text" || block?.language === "json";

  function expectShown(seen: string): void {
    const block = blocks[at++];
    if (block === undefined || !isShown(block)) {
      throw new Error(`the page shows nothing here, but says: ${block?.text ?? "(its end)"}`);
    }
    expect(seen).toMatch(shownPattern(block.text));
  }

  return {
    async next(exitCode = 0) {
      const block = blocks[at++];
      if (block === undefined || isShown(block)) {
        throw new Error(`nothing is to be done here; the page says: ${block?.text ?? "(its end)"}`);
      }
      const done = await act(block);
      expect(done, block.text).toEqual({ exitCode, output: done.output });
      if (isShown(blocks[at])) expectShown(done.output);
      return done.output;
    },
    expectShown,
    end() {
      expect(blocks.slice(at), "left of the section").toEqual([]);
    },
  };
}

async function runShell(text: string, cwd: string, env: Readonly<Record<string, string>>) {
  const child = spawn("sh", ["-euc", text], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, output };
}
