import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { consoleEvents } from "@centralcloud/console";
import { definePart, type Environment, logSink, type Part } from "@centralcloud/service";
import type { DatabaseUrls } from "./configuration.ts";
import type { ConsoleMessage } from "./console-process.ts";
import { unlessAborted } from "./late-part.ts";
import type { Logger } from "./log-file.ts";
import type { Screen } from "./screen.ts";

export interface LocalConsoleOptions {
  readonly urls: DatabaseUrls;
  readonly environment: Environment;
  readonly logger: Logger;
  readonly screen: Screen;
}

/** The console beside the rest; `link` signs one in, once it has started. */
export interface LocalConsole extends Part {
  readonly link: string;
}

const program = fileURLToPath(new URL("./console-process.js", import.meta.url));

/** From when it was asked to stop until it is ended by force, in milliseconds. */
const timeoutMs = 3_000;

/** Variables that a process needs besides those of the console itself; none that names a private key. */
const passedOn = /^(CONSOLE_|PATH$|HOME$|USER$|LANG$|TZ$|NODE_|PG|TMPDIR$|SystemRoot$)/;

export function createLocalConsole(options: LocalConsoleOptions): LocalConsole {
  const { urls, environment, logger, screen } = options;
  const log = logSink(logger, consoleEvents);
  let child: ChildProcess | undefined;
  let link = "";

  /** Resolves with its first link, which it has when it listens. */
  function firstLink(process: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      process.on("message", (message: ConsoleMessage) => {
        if ("observation" in message) log(message.observation);
        else if ("failure" in message) reject(new Error(`console: ${message.failure}`));
        else if (link === "") {
          link = message.link;
          resolve();
        } else screen.print(`  ! open the console: ${message.link}`);
      });
      process.once("exit", () => reject(new Error("the console ended by itself")));
    });
  }

  const part = definePart({
    name: "local console",
    async start(signal) {
      const given = Object.entries(environment).filter(([name]) => passedOn.test(name));
      const anyPort = environment.CONSOLE_PORT ? [] : ["--any-port"];
      child = fork(program, anyPort, {
        env: {
          ...Object.fromEntries(given),
          SOURCE_DATABASE_URLS: urls.sourceUrls.join(" "),
          CENTRAL_DATABASE_URL: urls.centralUrl,
        },
        execArgv: [],
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      await unlessAborted(firstLink(child), signal);
    },
    async stop() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      const force = setTimeout(() => child?.kill("SIGKILL"), timeoutMs);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(force);
    },
  });
  return {
    ...part,
    get link() {
      return link;
    },
  };
}
