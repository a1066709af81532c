import { once } from "node:events";
import { createServer } from "node:net";
import {
  createDatabase,
  dropDatabase,
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  startEmbeddedPostgres,
} from "@centralcloud/embedded";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  endOf,
  pathTo,
  query,
  runProgram,
  start,
  temporaryDirectories,
  untilGone,
  usePlayground,
} from "./support.ts";

usePlayground();

describe("a server", () => {
  let server: EmbeddedPostgres;
  let url: string;
  beforeAll(async () => {
    const settings = { work_mem: "7MB", "my.name": "it's a \\ test" };
    server = await startEmbeddedPostgres({
      dataDirectory: pathTo("one"),
      durable: false,
      settings,
    });
    url = server.urlOf("postgres");
  });
  afterAll(() => server.stop());

  test("has both databases and is set up for change data capture", async () => {
    for (const database of ["singularity", "centralcloud"]) {
      const [row] = await query(
        server.urlOf(database),
        `select current_setting('wal_level') as wal_level,
                current_setting('timezone') as timezone,
                current_setting('listen_addresses') as address,
                current_setting('unix_socket_directories') as sockets,
                current_setting('server_encoding') as encoding,
                current_setting('server_version_num')::int / 10000 as major`,
      );
      expect(row).toEqual({
        wal_level: "logical",
        timezone: "UTC",
        address: "127.0.0.1",
        sockets: "",
        encoding: "UTF8",
        major: 17,
      });
    }
  });

  test("wants the password", async () => {
    const guess = new URL(url);
    guess.password = "guessed";
    await expect(query(guess.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test("takes settings, and can be altered while it runs", async () => {
    const shown = "select current_setting('work_mem') as a, current_setting('my.name') as b";
    expect(await query(url, shown)).toEqual([{ a: "7MB", b: "it's a \\ test" }]);
    await query(url, "alter system set work_mem = '9MB'");
    await query(url, "select pg_reload_conf()");
    await expect.poll(() => query(url, "show work_mem")).toEqual([{ work_mem: "9MB" }]);
  });

  test("makes and drops databases, also from a template", async () => {
    await query(server.urlOf("singularity"), "create table things as select 1 as thing");
    await createDatabase(url, 'a "copy"', { template: "singularity" });
    expect(await query(server.urlOf('a "copy"'), "table things")).toEqual([{ thing: 1 }]);
    await dropDatabase(url, 'a "copy"');
    await dropDatabase(url, 'a "copy"');
    await expect(query(server.urlOf('a "copy"'), "select 1")).rejects.toMatchObject({
      code: "3D000",
    });
  });
});

describe("temporary servers", () => {
  test("do not disturb each other when they start at the same time", async () => {
    const servers = await Promise.all([start(), start()]);
    expect(servers[0].port).not.toBe(servers[1].port);
    await servers[0].stop();
    expect(await query(servers[1].urlOf("postgres"), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("are stopped once, however often that is asked", async () => {
    const server = await start();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await untilGone(server.processIds.server, server.processIds.watchdog);
    expect(temporaryDirectories()).toEqual([]);
  });
});

describe("a start that does not succeed", () => {
  test("can be stopped at any moment and leaves nothing", async () => {
    const atOnce = new AbortController();
    const first = start({ signal: atOnce.signal }).catch((error) => error);
    atOnce.abort();
    expect(await first).toBe(atOnce.signal.reason);

    const later = new AbortController();
    // The first line is the server's own, so it is there already.
    const onLog = () => later.abort();
    const second = start({ signal: later.signal, onLog }).catch((error) => error);
    expect(await second).toBe(later.signal.reason);
    expect(temporaryDirectories()).toEqual([]);
  });

  test("says what the server said, and leaves nothing", async () => {
    const error = await start({ settings: { shared_buffers: "much" } }).catch((error) => error);
    expect(error).toBeInstanceOf(EmbeddedPostgresError);
    expect(error.code).toBe("server_start_failed");
    expect(error.message).toContain('invalid value for parameter "shared_buffers": "much"');
    expect(temporaryDirectories()).toEqual([]);
  });

  test("refuses a setting that would smuggle in another one", async () => {
    const settings = { "work_mem = 1\nport": 1 };
    await expect(start({ settings })).rejects.toMatchObject({ code: "setting_invalid" });
  });
});

test("a stopped server lets its process end", async () => {
  const program = await runProgram({ dataDirectory: pathTo("one"), stopAtOnce: true });
  await endOf(program.child);
  expect(program.child.exitCode).toBe(0);
});

test("a server moves to another port when somebody has taken its own", async () => {
  const dataDirectory = pathTo("one");
  const first = await start({ dataDirectory });
  await first.stop();
  const squatter = createServer().listen(first.port, "127.0.0.1");
  await once(squatter, "listening");
  try {
    const second = await start({ dataDirectory });
    expect(second.port).not.toBe(first.port);
    expect(await query(second.urlOf("postgres"), "select 1 as one")).toEqual([{ one: 1 }]);
  } finally {
    squatter.close();
  }
});
