import { expect, test } from "vitest";
import { ChangeGauge, defaultChangeBytes } from "../src/stream/change-gauge.ts";

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** What passes of these bytes when they come in chunks of such a size, and what was told. */
function gauge(bytes: Buffer, chunkBytes: number) {
  const told: string[] = [];
  const one = new ChangeGauge(
    defaultChangeBytes,
    (head) => told.push(`too long: ${head.subarray(0, 4)} of ${head.length}`),
    () => told.push("broken"),
  );
  const passed: Buffer[] = [];
  for (let at = 0; at < bytes.length && !told.includes("broken"); at += chunkBytes) {
    passed.push(...one.take(bytes.subarray(at, at + chunkBytes)));
  }
  return { passed: Buffer.concat(passed), told };
}

const small = Buffer.concat([
  message("W", Buffer.from([0, 0, 0])),
  message("d", Buffer.from("one")),
  message("d", Buffer.alloc(0)),
  message("N", Buffer.from("a notice\0\0")),
  message("d", Buffer.from("another one")),
  message("c", Buffer.alloc(0)),
]);

test("what may be kept passes as it is, however it is cut", () => {
  for (let chunkBytes = 1; chunkBytes <= small.length; chunkBytes++) {
    expect(gauge(small, chunkBytes)).toEqual({ passed: small, told: [] });
  }
});

test("of a change that is too long only the beginning is kept, and all others pass", () => {
  const long = message("d", Buffer.alloc(defaultChangeBytes + 1, "long"));
  const bytes = Buffer.concat([small, long, small]);
  const passed = Buffer.concat([small, small]);
  for (const chunkBytes of [65_536, 65_521, 4_099, bytes.length]) {
    expect(gauge(bytes, chunkBytes)).toEqual({ passed, told: ["too long: long of 4096"] });
  }
});

test("the longest that may be kept passes", () => {
  const bytes = message("d", Buffer.alloc(defaultChangeBytes));
  const { passed, told } = gauge(bytes, 65_536);
  expect(passed.equals(bytes)).toBe(true);
  expect(told).toEqual([]);
});

test("a message of an impossible length ends it: whoever read on would never come to its end", () => {
  const broken = Buffer.concat([message("d", Buffer.from("one")), Buffer.from("d\0\0\0\0more")]);
  for (const chunkBytes of [1, 3, broken.length]) {
    const { passed, told } = gauge(broken, chunkBytes);
    expect(told).toEqual(["broken"]);
    expect(passed).toEqual(message("d", Buffer.from("one")));
  }
});
