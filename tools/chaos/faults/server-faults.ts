import { pause } from "@centralcloud/service";
import type { StopMode } from "../servers/chaos-server.ts";
import { consumerLogin } from "../servers/prepare-databases.ts";
import { type Fault, lengthOf } from "./arena.ts";
import { type ChooseDatabase, someSource, theCentral } from "./choose-database.ts";

/** Stopped, and started again after a moment. */
function restart(choose: ChooseDatabase, mode: StopMode): Fault {
  return async (arena, fault) => {
    const { server } = choose(arena, fault);
    await server.turns.take(async () => {
      await server.stop(mode);
      await pause(lengthOf(fault, 0, 2_000), arena.signal);
      await server.start().catch((error: unknown) => {
        arena.complain(`the server of ${server.name} did not start again: ${error}`);
      });
    });
  };
}

/** SIGKILL for one server process of a consumer, after which PostgreSQL restarts all of them by itself. */
function killBackend(choose: ChooseDatabase): Fault {
  return async (arena, fault) => {
    const database = choose(arena, fault);
    await database.server.turns.take(async () => {
      const [backend] = await database.query<{ pid: number }>(
        "select pid from pg_stat_activity where usename = $1 order by random() limit 1",
        [consumerLogin.name],
      );
      if (backend === undefined) throw new Error("no consumer was connected");
      process.kill(backend.pid, "SIGKILL");
      await database.queryUntilAnswered("select pg_sleep(0.2)");
    });
  };
}

/** Some statements of consumers are cancelled, as by an operator. */
function cancelStatements(choose: ChooseDatabase): Fault {
  return async (arena, fault) => {
    const database = choose(arena, fault);
    const deadline = performance.now() + lengthOf(fault, 500, 1_500);
    while (performance.now() < deadline && !arena.signal.aborted) {
      await database.query(
        "select pg_cancel_backend(pid) from pg_stat_activity where usename = $1 and state = 'active'",
        [consumerLogin.name],
      );
      await pause(40, arena.signal);
    }
  };
}

export const serverFaults = {
  "central restarted (fast)": restart(theCentral, "fast"),
  "central restarted (immediate)": restart(theCentral, "immediate"),
  "central process killed": killBackend(theCentral),
  "central statements cancelled": cancelStatements(theCentral),
  "source restarted (fast)": restart(someSource, "fast"),
  "source restarted (immediate)": restart(someSource, "immediate"),
  "source process killed": killBackend(someSource),
  "source statements cancelled": cancelStatements(someSource),
} as const;
