import { type EmbeddedPostgres, startEmbeddedPostgres } from "@centralcloud/embedded";
import { messageOf } from "./failure.ts";

export interface KeptServerOptions {
  readonly dataDirectory: string;
  readonly signal: AbortSignal;
  /** Told in a sentence what became of the server. */
  readonly tell: (sentence: string) => void;
  /** The server has ended, and can't be had again at its address: nothing here works any more. */
  readonly giveUp: () => void;
}

/** A server that is started anew when it is killed or crashes. */
export interface KeptServer {
  readonly server: EmbeddedPostgres;
  stop(): Promise<void>;
}

/** One that ends so often in so many milliseconds has something wrong that no further start repairs. */
const restartLimit = { ends: 3, withinMs: 60_000 };

export async function keepServer(options: KeptServerOptions): Promise<KeptServer> {
  const { dataDirectory, signal, tell, giveUp } = options;
  const first = await startEmbeddedPostgres({ dataDirectory, signal });
  const stopping = new AbortController();
  let server = first;
  const ends: number[] = [];

  async function keep(): Promise<void> {
    while (true) {
      await server.gone;
      if (stopping.signal.aborted) return;
      ends.push(performance.now());
      const last = ends.at(-restartLimit.ends);
      if (last !== undefined && performance.now() - last < restartLimit.withinMs) {
        tell("PostgreSQL ended again and again, so it is not started any more");
        return giveUp();
      }
      tell("PostgreSQL has ended, and nobody here told it to: it is started again");
      try {
        server = await startEmbeddedPostgres({ dataDirectory, signal: stopping.signal });
      } catch (error) {
        if (stopping.signal.aborted) return;
        tell(`PostgreSQL can't be started again: ${messageOf(error)}`);
        return giveUp();
      }
      if (server.port !== first.port) {
        // Everybody here knows the old one.
        tell(
          `port ${first.port} is taken meanwhile, and everything here looks for PostgreSQL there`,
        );
        return giveUp();
      }
      tell("PostgreSQL runs again, with its data");
    }
  }

  const kept = keep();
  return {
    get server() {
      return server;
    },
    async stop() {
      stopping.abort();
      await server.stop();
      await kept;
      // One that was being started when the stop came.
      await server.stop();
    },
  };
}
