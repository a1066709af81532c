import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import {
  type Console,
  type ConsoleOptions,
  createConsole,
  readConsoleConfiguration,
} from "@centralcloud/console";
import { afterEach } from "vitest";
import { environmentOf } from "./command.ts";
import type { TestSystem } from "./databases.ts";
import type { Observation } from "./observations.ts";

/** What the console answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asking {
  /** Sent beside what a browser sends; undefined: that one is left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** A browser that is signed in, or not yet: keeps the cookie, and says where its requests come from. */
export interface Browser {
  get(path: string, asking?: Asking): Promise<Answer>;
  /** Sends a form; `form-key` is added where it is missing. */
  post(
    path: string,
    fields: Readonly<Record<string, string | readonly string[]>>,
    asking?: Asking,
  ): Promise<Answer>;
  send(method: string, path: string, body?: string, asking?: Asking): Promise<Answer>;
}

export interface TestConsole extends Console {
  readonly observations: readonly Observation[];
  /** Paths of the links that were shown in the terminal, the newest last. */
  readonly links: readonly string[];
  /** A browser that nobody has signed in. */
  browser(): Browser;
  /** One that is signed in by the newest link. */
  signIn(): Promise<Browser>;
}

export interface ConsoleTools {
  start(
    environment?: Readonly<Record<string, string>>,
    options?: Partial<ConsoleOptions>,
  ): Promise<TestConsole>;
}

/** Consoles for the tests of the calling file; they are stopped after each. */
export function useConsole(system: TestSystem): ConsoleTools {
  const started: Console[] = [];
  afterEach(async () => {
    for (const one of started.splice(0)) await one.stop(2_000);
  });
  return {
    async start(environment = {}, options = {}) {
      const observations: Observation[] = [];
      const links: string[] = [];
      const configuration = readConsoleConfiguration({
        ...environmentOf(system),
        CONSOLE_PORT: "0",
        ...environment,
      });
      const started_ = createConsole(configuration, {
        observe: (observation) => void observations.push(observation),
        showLink: (link) => void links.push(new URL(link).pathname + new URL(link).search),
        ...options,
      });
      started.push(started_);
      await started_.start();
      const { port } = started_;
      const browser = () => createBrowser(port);
      return Object.assign(Object.create(started_) as Console, {
        observations,
        links,
        browser,
        async signIn() {
          const own = browser();
          const code = new URLSearchParams(links.at(-1)?.split("?")[1]).get("code") ?? "";
          await own.post("/login", { code });
          return own;
        },
      });
    },
  };
}

/** The key that forms of ours have; each form of a test is a new one. */
export function formKey(): string {
  return crypto.randomUUID();
}

/** A browser that nobody has signed in, of a console on this machine. */
export function createBrowser(port: number): Browser {
  let cookie: string | undefined;
  const host = `127.0.0.1:${port}`;

  async function send(
    method: string,
    path: string,
    body?: string,
    { headers = {} }: Asking = {},
  ): Promise<Answer> {
    const given: Record<string, string | undefined> = {
      host,
      // One that is kept would outlive the test.
      connection: "close",
      cookie,
      ...(method === "GET" ? {} : { "sec-fetch-site": "same-origin" }),
      ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      ...headers,
    };
    const answer = await exchange(port, method, path, given, body);
    const [set] = answer.headers["set-cookie"] ?? [];
    if (set !== undefined) cookie = set.split(";")[0];
    return answer;
  }

  return {
    send,
    get: (path, asking) => send("GET", path, undefined, asking),
    post(path, fields, asking) {
      const sent = new URLSearchParams({ "form-key": formKey() });
      for (const [name, value] of Object.entries(fields)) {
        sent.delete(name);
        for (const one of [value].flat()) sent.append(name, one);
      }
      return send("POST", path, sent.toString(), asking);
    },
  };
}

/** `fetch` would not let a test say another host, nor where a request comes from. */
function exchange(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string | undefined>>,
  body: string | undefined,
): Promise<Answer> {
  const given = Object.fromEntries(
    Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port, method, path, headers: given, setHost: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
