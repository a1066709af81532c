import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { QueueClient } from "@centralcloud/queue";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { type Poison, poisonRelations } from "../support/hostile-source.ts";
import { createLogin, dropLogin, type Login, openAs } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

/* A real consumer of good sources and of hostile ones: it delivers what the good ones send, and stays small. */

const system = useSystem();
const megabyte = 1024 * 1024;
const queue = "centralcloud-new-patterns";
let owner: Login;
beforeAll(async () => {
  owner = await createLogin(inject("serverUrl"), "superuser");
});
afterAll(() => dropLogin(inject("serverUrl"), owner));

/** Sends everything that each connection takes, whoever asks for what. */
async function startFlood(): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.once("data", () => {
      const part = Buffer.alloc(65_536, "R");
      const send = () => {
        if (socket.destroyed) return;
        if (socket.write(part)) setImmediate(send);
        else socket.once("drain", send);
      };
      send();
    });
  });
  server.once("end-all", () => {
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** As its owner: a view in place of a queue, which can be read, and has texts of a megabyte where a time should be. */
const floodingQueue = `
  alter table pgmq."q_${queue}" rename to real_queue;
  alter table pgmq.real_queue add column time_of_test text generated always as (repeat('x', 1000000)) stored;
  insert into pgmq.real_queue (vt, message)
  select clock_timestamp() - interval '1 minute', '{}' from generate_series(1, 500);
  create view pgmq."q_${queue}" as
    select msg_id, read_ct, time_of_test as enqueued_at, vt, message, headers from pgmq.real_queue`;

/** As its owner: each read of the queue raises notices without end. */
const noisyQueue = `
  create function public.noise_of_test() returns trigger language plpgsql as $$
  begin
    loop raise notice '%', repeat('x', 8000); end loop;
  end $$;
  create trigger noise_of_test before update on pgmq."q_${queue}"
    for each statement execute function public.noise_of_test();
  insert into pgmq."q_${queue}" (vt, message) values (clock_timestamp(), '{}')`;

function peakOf(pid: number | undefined): number {
  const [, kilobytes = ""] =
    /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

test("hostile sources of every kind cost a consumer neither its memory nor its other sources", async () => {
  const good = await createTestDatabase("source");
  const identity = [{ schema: "public", name: "singularity_source" }];
  const hostile: TestDatabase[] = [];
  const poison = async (work: (database: TestDatabase) => Promise<unknown>) => {
    const database = await createTestDatabase("source");
    hostile.push(database);
    const asOwner = openAs(owner, database);
    await work(asOwner);
    await asOwner.pool.end();
  };
  for (const kind of ["rows", "notices", "error", "endless", "nulls"] as Poison[]) {
    await poison(({ pool }) => poisonRelations(pool, identity, kind));
  }
  await poison(({ pool }) => pool.query(floodingQueue));
  await poison(({ pool }) => pool.query(noisyQueue));
  const flood = await startFlood();
  const { port } = flood.address() as AddressInfo;
  const urls = [...hostile.map(({ url }) => url), `postgres://x@127.0.0.1:${port}/x`];
  const environment = environmentOf(system);
  const consumer = startCommand(["consume"], {
    ...environment,
    SOURCE_DATABASE_URLS: [...urls, good.url, system.singularity.url].join(" "),
  });
  try {
    for (const { name, pool } of [good, system.singularity]) {
      const queues = new QueueClient(pool);
      for (let round = 0; round < 20; round++) {
        await queues.sendBatch(
          queue,
          Array.from({ length: 50 }, () => patternMessage()),
        );
        await until(`${name} is consumed`, () => queues.isEmpty(queue), 20_000);
      }
    }
    const told = (pattern: RegExp) =>
      until(`${pattern} is logged`, () => pattern.test(consumer.output()));
    await told(/answer_too_large.*lane-fault/);
    await told(/has a name of more than 200 characters/);
    await told(/has a source_id that is no uuid/);
    await told(/08P01/);
    expect(peakOf(consumer.child.pid)).toBeLessThan(300 * megabyte);
    for (const line of consumer.output().split("\n"))
      expect(line.length).toBeLessThanOrEqual(16_384);
  } finally {
    consumer.child.kill("SIGTERM");
    const { exitCode } = await consumer.finished;
    const closed = new Promise((resolve) => flood.close(resolve));
    flood.emit("end-all");
    await closed;
    for (const database of [good, ...hostile]) await dropTestDatabase(database);
    expect(exitCode).toBe(0);
  }
});
