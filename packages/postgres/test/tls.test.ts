import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readTlsSettings, TlsSettingsError } from "../src/index.ts";

const directory = mkdtempSync(join(tmpdir(), "centralcloud-tls-"));
const authority = join(directory, "authority.crt");
writeFileSync(authority, "-----BEGIN CERTIFICATE-----\n");
const other = join(directory, "other.txt");
writeFileSync(other, "no certificate");
afterAll(() => rmSync(directory, { recursive: true }));

const read = (parameters: string, environment: Record<string, string> = {}) =>
  readTlsSettings(`postgres://user:secret@host/database${parameters}`, environment);

test("a URL without TLS parameters stays as it is, to the letter", () => {
  const url = "postgres://us%65r:p%40ss@HOST:5432/data%20base?application_name=a+b";
  expect(readTlsSettings(url, {})).toEqual({ url, tls: false });
});

test("what the URL does not say, libpq's variables do", () => {
  expect(read("", { PGSSLMODE: "require" }).tls).toEqual({ rejectUnauthorized: false });
  expect(read("?sslmode=disable", { PGSSLMODE: "require" }).tls).toBe(false);
});

test("TLS parameters are taken out of the URL, others stay", () => {
  const { url, tls } = read("?sslmode=verify-full&uselibpqcompat=true&options=-c%20x%3D1");
  expect(new URL(url).search).toBe("?options=-c+x%3D1");
  expect(tls).toEqual({ rejectUnauthorized: true });
});

test("verify-full asks for the host, and nothing weaker does", () => {
  const anyName = (parameters: string) =>
    Object.hasOwn(
      Object(read(`${parameters}&sslrootcert=${authority}`).tls),
      "checkServerIdentity",
    );
  expect(anyName("?sslmode=verify-full")).toBe(false);
  expect(anyName("?sslmode=verify-ca")).toBe(true);
  expect(anyName("?sslmode=require")).toBe(true);
});

test("system means the authorities of Node, and the whole verification", () => {
  expect(read("?sslmode=verify-full&sslrootcert=system").tls).toEqual({ rejectUnauthorized: true });
  expect(() => read("?sslmode=require&sslrootcert=system")).toThrow(/needs sslmode=verify-full/);
});

test("a Unix socket is never encrypted", () => {
  expect(read("?host=/var/run/postgresql&sslmode=verify-full").tls).toBe(false);
});

describe("a mistake is refused and repeats no part of the URL", () => {
  test.each([
    ["?sslmode=allow", /promises nothing/],
    ["?sslmode=strict", /must be one of/],
    ["?sslmode=verify-ca", /needs sslrootcert/],
    ["?sslmode=require&sslcert=/a", /go together/],
    ["?sslmode=verify-full&sslrootcert=/nowhere", /can't be read \(ENOENT\)/],
    [`?sslmode=verify-full&sslrootcert=${other}`, /no certificate in PEM/],
    ["?sslmode=verify-full&sslcrl=/a", /sslcrl is not supported/],
  ])("%s", (parameters, words) => {
    let thrown: unknown;
    try {
      read(parameters);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TlsSettingsError);
    expect(String(thrown)).toMatch(words);
    expect(String(thrown)).not.toMatch(/secret|nowhere/);
  });
});
