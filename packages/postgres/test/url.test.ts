import { describe, expect, test } from "vitest";
import { z } from "zod";
import { databaseUrl, databaseUrls, readAddress, urlParameters } from "../src/index.ts";

const shape = z.object({ URL: databaseUrl(), URLS: databaseUrls() });

test("several URLs are separated by white space or commas", () => {
  const URL = "postgres://host/a";
  const { URLS } = shape.parse({ URL, URLS: "postgres://host/a, postgresql://u:p@host:1/b" });
  expect(URLS).toEqual(["postgres://host/a", "postgresql://u:p@host:1/b"]);
});

test("no mistake repeats a URL", () => {
  const { error } = shape.safeParse({
    URL: "http://user:secret@host/a",
    URLS: "postgres://host/a postgres://host/a postgres://host",
  });
  expect(new Set(error?.issues.map(({ path }) => path.join()))).toEqual(new Set(["URL", "URLS"]));
  expect(error?.message).not.toContain("secret");
});

/** What is said of a URL, as the central one and as one of several; undefined where it is taken. */
function mistakesOf(url: string): readonly string[] {
  const { error } = shape.safeParse({ URL: url, URLS: `postgres://host/other ${url}` });
  return error?.issues.map(({ path, message }) => `${path.join()}: ${message}`) ?? [];
}

describe("a URL that can't be used is refused with the variable's name and the reason", () => {
  test.each([
    ["postgres://u:secret@one:5432,two:5432/a", /names several hosts/],
    ["postgres://u:secret@one,two/a", /names several hosts/],
    ["postgres://u:secret@/a?host=one,two", /names several hosts/],
    ["postgres://u:secret%E4@host/a", /password has a code that is not UTF-8/],
    ["postgres://secret%ff@host/a", /user has a code that is not UTF-8/],
    ["postgres://u:secret/x@host/a", /after the host: write \/ as %2F/],
    ["postgres://u:1/secret@host/a", /after the host: write \/ as %2F/],
    ["postgres://u:1#secret@host/a", /after the host: write \/ as %2F/],
    ["postgres://u:1?secret@host/a", /must name a database|after the \?/],
    ["postgres://u:sec\u200bret@host/a", /invisible character \(U\+200B\)/],
    ["postgres://u:secret@host:0/a", /port must be a number/],
    ["postgres://u:secret@host:70000/a", /must look like/],
    ["postgres://u:secret@host", /must name a database/],
    ['"postgres://u:secret@host/a"', /must look like/],
    ["postgres://u:secret@host/a?sslmode=require&sslmode=disable", /sslmode is given twice/],
    ["postgres://u:secret@host/a?SSLMODE=require", /SSLMODE is a parameter that nobody knows/],
    ["postgres://u:secret@host/a?pgbouncer=true", /pgbouncer is a parameter that nobody knows/],
    [
      "postgres://u:secret@host/a?channel_binding=require",
      /channel_binding is not supported: it promises/,
    ],
    ["postgres://u:secret@host/a?require_auth=scram-sha-256", /require_auth is not supported/],
    ["postgres://u:secret@host/a?gssencmode=require", /gssencmode is not supported/],
    [
      "postgres://u:secret@host/a?target_session_attrs=read-write",
      /target_session_attrs is not supp/,
    ],
    ["postgres://u:secret@host/a?statement_timeout=1000", /write options=-c%20statement_timeout/],
    ["postgres://u:secret@host/a?replication=database", /replication is not supported/],
    [
      "postgres://u:secret@host/a?options=-c%20datestyle%3DGerman",
      /options must not set datestyle/,
    ],
    ["postgres://u:secret@host/a?options=--row-security%3Don", /options must not set row_security/],
    ["postgres://u:secret@host/a?sslnegotiation=direct", /sslnegotiation=direct needs sslmode/],
  ])("%s", (url, reason) => {
    const mistakes = mistakesOf(url);
    expect(mistakes).toEqual([
      expect.stringMatching(/^URL: /),
      expect.stringMatching(/^URLS: URL 2 of 2:? /),
    ]);
    for (const mistake of mistakes) {
      expect(mistake).toMatch(reason);
      expect(mistake).not.toContain("secret");
    }
  });

  test("a blank or the end of a line within it", () => {
    for (const odd of [" ", "\n", "\t", "\u00a0"]) {
      const { error } = shape.safeParse({
        URL: `postgres://u:sec${odd}ret@host/a`,
        URLS: "postgres://host/a",
      });
      expect(error?.issues.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^has a (blank|line break) in it: write it as %/),
      ]);
    }
  });
});

test.each([
  ["postgres://u:a,b@host/d", { password: "a,b" }],
  ["postgres://u:a@b@host/d", { password: "a@b" }],
  ["postgres://u:100%@host/d", { password: "100%" }],
  ["postgres://u:50%x%40@host/d", { password: "50%x@" }],
  ["postgres://u:%C3%A4ä@host/d", { password: "ää" }],
  ["postgres://%2Fvar%2Frun/d", { host: "/var/run", port: undefined }],
  ["postgres:///d?host=/var/run&port=5433", { host: "/var/run", port: 5433 }],
  ["postgres://u@[::1]:1/d%20e", { host: "::1", port: 1, database: "d e" }],
  ["postgres://host/d?channel_binding=prefer&target_session_attrs=any", { host: "host" }],
])("%s means what it means to others", (url, address) => {
  expect(mistakesOf(url)).toEqual([]);
  expect(readAddress(url, {})).toMatchObject(address);
});

test("blanks and a byte-order mark around a URL are no part of it", () => {
  const URL = "\ufeff postgres://host/a \r\n";
  expect(shape.parse({ URL, URLS: URL })).toEqual({
    URL: "postgres://host/a",
    URLS: ["postgres://host/a"],
  });
});

test("a variable of libpq that promises security is refused as the parameter is", () => {
  const read = () => readAddress("postgres://host/a", { PGCHANNELBINDING: "require" });
  expect(read).toThrow(/^the variable PGCHANNELBINDING is not supported: it promises/);
});

test("each parameter is obeyed, overruled, or refused with a reason", () => {
  for (const [name, treatment] of Object.entries(urlParameters)) {
    if (typeof treatment === "string") continue;
    expect(mistakesOf(`postgres://host/a?${name}=x`)).toEqual([
      expect.stringContaining(`${name} ${treatment.refused}`),
      expect.stringContaining(`${name} ${treatment.refused}`),
    ]);
  }
});
