import { readConsoleConfiguration } from "@centralcloud/console";
import { ConfigurationError } from "@centralcloud/service";
import { expect, test } from "vitest";

const databases = {
  SOURCE_DATABASE_URLS: "postgres://viewer@db/one postgres://viewer@db/two",
  CENTRAL_DATABASE_URL: "postgres://viewer@db/central",
};

function mistakesOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConsoleConfiguration({ ...databases, ...environment });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.mistakes;
  }
}

test("without anything set, it is for one person on this machine, at port 9465", () => {
  expect(readConsoleConfiguration(databases)).toMatchObject({
    port: 9_465,
    address: "127.0.0.1",
    auth: { mode: "loopback", readOnly: false },
    environment: undefined,
    operator: { centralUrl: databases.CENTRAL_DATABASE_URL },
  });
});

test("all mistakes are told at once, each with its variable", () => {
  const mistakes = mistakesOf({
    CONSOLE_PORT: "many",
    CONSOLE_ADDRESS: "everywhere",
    CONSOLE_AUTH: "none",
    CONSOLE_PUBLIC_URL: "https://console.example.org/below",
    SESSION_PRIVATE_KEYS: "secret",
  });
  const names = mistakes.map((mistake) => mistake.split(":")[0]).toSorted();
  expect(names).toEqual([
    "CONSOLE_ADDRESS",
    "CONSOLE_AUTH",
    "CONSOLE_PORT",
    "CONSOLE_PUBLIC_URL",
    "SESSION_PRIVATE_KEYS",
  ]);
});

test.each(["SESSION_PRIVATE_KEYS", "SESSION_PRIVATE_KEYS_FILE"])(
  "it does not start with private keys in %s",
  (name) => {
    expect(mistakesOf({ [name]: "/keys" })).toEqual([expect.stringContaining("never holds")]);
  },
);

test("for one person, it listens on this machine alone", () => {
  expect(mistakesOf({ CONSOLE_ADDRESS: "0.0.0.0" })).toEqual([
    expect.stringContaining("with CONSOLE_AUTH=loopback it must be 127.0.0.1"),
  ]);
  expect(mistakesOf({ CONSOLE_ADDRESS: "::1" })).toEqual([]);
});

test("behind a proxy, it wants the proxy's address, a secret that can't be guessed, and a group that may look", () => {
  const header = { CONSOLE_AUTH: "header", CONSOLE_ADDRESS: "0.0.0.0" };
  expect(mistakesOf(header).map((mistake) => mistake.split(":")[0])).toEqual([
    "CONSOLE_TRUSTED_PROXIES",
    "CONSOLE_PROXY_SECRET",
    "CONSOLE_LOOK_GROUPS",
  ]);
  const loose = {
    ...header,
    CONSOLE_TRUSTED_PROXIES: "0.0.0.0/0",
    CONSOLE_PROXY_SECRET: "short",
    CONSOLE_LOOK_GROUPS: "everybody",
  };
  expect(mistakesOf(loose)).toEqual([
    expect.stringContaining("every address there is"),
    expect.stringContaining("must have 32 characters"),
  ]);
  const strict = {
    ...loose,
    CONSOLE_TRUSTED_PROXIES: "10.0.0.0/8, ::1",
    CONSOLE_PROXY_SECRET: "x".repeat(32),
  };
  expect(mistakesOf(strict)).toEqual([]);
});

test("a file of tokens names people, what they may do, and the hash of a token, one a line", () => {
  const hash = "a".repeat(64);
  const token = (text: string) => mistakesOf({ CONSOLE_AUTH: "token", CONSOLE_TOKENS: text });
  expect(token(`# who\nanna operator ${hash}\nbo look,reveal ${hash}`)).toEqual([]);
  expect(token(`anna king ${hash}`)).toEqual([expect.stringContaining('"king" is no role')]);
  expect(token(`anna viewer secret`)).toEqual([expect.stringContaining("name role sha256")]);
  expect(token(`anna viewer ${hash}\nanna all ${hash}`)).toEqual([
    expect.stringContaining("another line"),
  ]);
});

test("with OpenID Connect, it wants the issuer, the client, and its own address", () => {
  const names = mistakesOf({ CONSOLE_AUTH: "oidc", CONSOLE_LOOK_GROUPS: "ops" }).map(
    (mistake) => mistake.split(":")[0],
  );
  expect(names).toEqual([
    "CONSOLE_OIDC_ISSUER",
    "CONSOLE_PUBLIC_URL",
    "CONSOLE_OIDC_CLIENT_ID",
    "CONSOLE_OIDC_CLIENT_SECRET",
  ]);
});

test("logins that act have to be of the databases that are looked at", () => {
  const operator = {
    CONSOLE_OPERATOR_SOURCE_DATABASE_URLS: "postgres://op@db/one postgres://op@db/two",
    CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: "postgres://op@db/central",
  };
  expect(mistakesOf(operator)).toEqual([]);
  expect(
    mistakesOf({ ...operator, CONSOLE_OPERATOR_SOURCE_DATABASE_URLS: "postgres://op@db/one" }),
  ).toEqual([expect.stringContaining("missing: db/two")]);
  expect(mistakesOf({ CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: "postgres://op@db/central" })).toEqual(
    [expect.stringContaining("give both, or neither")],
  );
});
