import pg from "pg";
import { defaultAnswerBytes, limitAnswers } from "./answer-limit.ts";
import { SharedSessionError, settle, startupSettings } from "./session.ts";

/** How long a connection that is being closed waits for the server's side of it, in milliseconds. */
const farewellMs = 500;

/** Attempts to connect to one server at the same time; more only make each of them slower. */
const attempts = 8;

/** One that takes longer keeps its place no longer, so that databases that are away delay no other. */
const placeMs = 1_000;

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/** How long a new session may take to get its settings, in milliseconds. */
const settlingMs = 5_000;

/** What has no limit of its own, such as a job, is given up after so many milliseconds without an answer. */
const longestStatementMs = 3_600_000;

/** The server gives a statement up before we do, so that its error says what happened; in milliseconds. */
const serverIsSoonerMs = 1_000;

export interface EndingClientConfig extends pg.ClientConfig {
  /** Settings beside those that every session of ours has; see session.ts. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
  /** Fails to connect behind a pooler, in whose sessions others work, too: says what needs one of its own. */
  readonly sessionFor?: string;
  /** Connects also to a database in which ours could not work: to look at it, or to make others on its server. */
  readonly anyDatabase?: boolean;
  /** Bytes of one answer at most; one that is larger ends the connection. Default: {@link defaultAnswerBytes}. */
  readonly answerBytes?: number;
  /** Looks at a new connection before anybody has it; where it rejects, connecting fails. */
  readonly accept?: (client: pg.ClientBase) => Promise<void>;
}

/** All clients of this process that are open, are being opened, or wait for their turn. */
const open = new Set<EndingClient>();

/** Closes every connection of this process at once: for a program that has to end. */
export function cutAllConnections(): void {
  for (const client of open) client.cut();
}

/**
 * A client that always ends. That of `pg` waits for the server to close its side, which never comes where the
 * network or the server says nothing; its socket, which nobody knows any more, then keeps the process alive.
 *
 * It connects when it is its turn: a process that has hundreds of databases of one server would else make all
 * connections at once, which is slower than one after the other, and looks like an outage to each of them.
 */
export class EndingClient extends pg.Client {
  /** Told by the server when it has connected: which process serves the session. */
  declare readonly processID: number | null;
  readonly #config: EndingClientConfig;
  readonly #ending = new AbortController();
  #isPooled = false;
  /** What ended the connection, where that was said when no query was under way. */
  #brokenBy: Error | undefined;

  constructor(config: EndingClientConfig = {}) {
    super(config);
    // What a walsender streams has no end.
    const parameters = this.#parameters;
    if (!parameters.replication) parameters.query_timeout ||= longestStatementMs;
    this.#config = config;
    const place = `${this.host}:${this.port}/${this.database}`;
    limitAnswers(this.connection, config.answerBytes ?? defaultAnswerBytes, place);
    // A connection may break when nobody has it, or while it gets its settings: that must not end the process. Its
    // query rejects, or the next one.
    this.on("error", (error) => {
      this.#brokenBy ??= error;
    });
  }

  /** Whether a pooler is in between, which may give the session to others after each transaction. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  get #parameters(): WithParameters["connectionParameters"] {
    return (this as unknown as WithParameters).connectionParameters;
  }

  /** What `pg` sends to begin a session: here, without what the environment or the URL would say instead of us. */
  getStartupConf(): Readonly<Record<string, string>> {
    const { application_name } = this.#config;
    const { replication, options } = this.#parameters;
    return {
      user: this.user ?? "",
      database: this.database ?? "",
      ...(application_name === undefined ? {} : { application_name }),
      ...(replication ? { replication } : {}),
      ...(options ? { options } : {}),
      ...startupSettings,
    };
  }

  override connect(): Promise<pg.Client>;
  override connect(done: Connected): void;
  override connect(done?: Connected): Promise<pg.Client> | undefined {
    const connected = this.#connectInTurn();
    if (done === undefined) return connected;
    const tell = done as (error: Error | null, client?: pg.Client) => void;
    connected.then(
      (client) => tell(null, client),
      (error: Error) => tell(error),
    );
    return undefined;
  }

  async #connectInTurn(): Promise<pg.Client> {
    const { signal } = this.#ending;
    open.add(this);
    const leave = await placeAt(`${this.host}:${this.port}`, signal).catch((error: unknown) => {
      open.delete(this);
      throw error;
    });
    try {
      if (signal.aborted) throw new ConnectionGivenUpError();
      this.connection.once("end", () => open.delete(this));
      await super.connect();
      await this.#settle();
      return this;
    } catch (error) {
      this.cut();
      open.delete(this);
      // Of a session that had ended already, the settings' error only says that it can't be asked.
      throw this.#brokenBy ?? error;
    } finally {
      leave();
    }
  }

  async #settle(): Promise<void> {
    const { sessionSettings = {}, sessionFor, anyDatabase = false, accept } = this.#config;
    const ask = <Found extends object>(text: string) =>
      this.query<Found & pg.QueryResultRow>({ text, ...{ query_timeout: settlingMs } });
    const wish = {
      processId: this.processID,
      own: sessionSettings,
      options: this.#parameters.options ?? "",
      statementMs: serverLimit(this.#parameters.query_timeout),
      anyDatabase,
    };
    const { isPooled } = await settle(ask, wish);
    this.#isPooled = isPooled;
    if (isPooled && sessionFor !== undefined) {
      throw new SharedSessionError(
        `a pooler is in between, and ${sessionFor} needs a session of its own: connect to the server directly`,
      );
    }
    await accept?.(this);
  }

  override end(): Promise<void>;
  override end(done: (error: Error) => void): void;
  override end(done?: (error: Error) => void): Promise<void> | undefined {
    this.#ending.abort();
    // The socket itself keeps the process alive, and with it the timer.
    const timer = setTimeout(() => this.connection.stream.destroy(), farewellMs).unref();
    this.connection.once("end", () => clearTimeout(timer));
    return done === undefined ? super.end() : void super.end(done);
  }

  /** Closes it at once, whatever it is doing: connecting, shaking hands, waiting. Queries reject. */
  cut(): void {
    this.#ending.abort();
    this.connection.stream.destroy();
  }
}

/** What `pg` read from its configuration; its types do not tell. */
interface WithParameters {
  readonly connectionParameters: {
    readonly replication?: string;
    readonly options?: string;
    /** Milliseconds; false for none. */
    query_timeout?: number | false;
  };
}

/** How long a statement may take at the server, which else continued with what nobody waits for any more. */
function serverLimit(queryTimeoutMs: number | false | undefined): number | undefined {
  if (!queryTimeoutMs) return undefined;
  return Math.max(queryTimeoutMs - serverIsSoonerMs, Math.ceil(queryTimeoutMs * 0.8));
}

/** A client was ended before its turn to connect had come. */
class ConnectionGivenUpError extends Error {
  constructor() {
    super("Connection terminated before it was made");
    this.name = "ConnectionGivenUpError";
  }
}

/** Who has a place at a server, and who waits for one. */
interface Server {
  taken: number;
  readonly waiting: (() => void)[];
}

const servers = new Map<string, Server>();

/**
 * @returns how to leave the place.
 * @throws {ConnectionGivenUpError} at once when the signal is aborted before there is one.
 */
async function placeAt(address: string, signal: AbortSignal): Promise<() => void> {
  const server: Server = servers.get(address) ?? { taken: 0, waiting: [] };
  servers.set(address, server);
  if (server.taken < attempts) server.taken += 1;
  else await turnAt(server, signal);
  let isLeft = false;
  const leave = () => {
    clearTimeout(timer);
    if (isLeft) return;
    isLeft = true;
    const next = server.waiting.shift();
    if (next !== undefined) next();
    else server.taken -= 1;
    if (server.taken === 0) servers.delete(address);
  };
  const timer = setTimeout(leave, placeMs).unref();
  return leave;
}

function turnAt({ waiting }: Server, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      waiting.splice(waiting.indexOf(take), 1);
      reject(new ConnectionGivenUpError());
    };
    const take = () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    };
    waiting.push(take);
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
  });
}
