import { readFileSync } from "node:fs";
import { consoleVariables } from "@centralcloud/console";
import { consumerVariables } from "@centralcloud/consumer";
import { expect, test } from "vitest";
import { parseYaml } from "../support/kustomize.ts";

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly [setting: string]: unknown;
}

const folder = new URL("../../deploy/", import.meta.url);
const [file] = parseYaml(readFileSync(new URL("compose.yaml", folder), "utf8")) as [
  { services: Record<string, Service>; secrets: Record<string, { file: string }> },
];
const services = Object.entries(file.services);

test.each(services)(
  "%s may write nowhere but where it is told, and gains no right",
  (_, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      mem_limit: expect.any(String),
    });
  },
);

test.each(services)("%s is given secrets by file only, and each that it reads", (_, service) => {
  const { environment = {}, secrets = [] } = service;
  const files = Object.entries(environment).filter(([name]) => name.endsWith("_FILE"));
  for (const [, path] of files) expect(secrets).toContain(path.replace("/run/secrets/", ""));
  for (const secret of secrets) expect(file.secrets).toHaveProperty(secret);
  expect(JSON.stringify(environment)).not.toMatch(/postgres:\/\/|PASSWORD"/);
});

test("the programs are given only variables that there are", () => {
  for (const [service, { image, environment = {} }] of services) {
    if (!image.includes("CENTRALCLOUD_IMAGE")) continue;
    const known = service === "console" ? [...consoleVariables, "LOG_LEVEL"] : consumerVariables;
    for (const name of Object.keys(environment)) {
      expect(known).toContain(name.replace(/_FILE$/, ""));
    }
  }
});

test("change data capture is switched on by environment, as a login of its own", () => {
  expect(file.services.consumer?.environment).toMatchObject({
    CDC_ENABLED: expect.stringMatching(/^\$\{CDC_ENABLED:-false\}$/),
    CDC_SOURCE_DATABASE_URLS_FILE: "/run/secrets/capture-source-urls",
    CDC_CENTRAL_DATABASE_URL_FILE: "/run/secrets/capture-central-url",
  });
  const logins = readFileSync(new URL("postgres/add-logins.sh", folder), "utf8");
  expect(logins).toMatch(/^add_login capture auditor replication$/m);
});

test("the worker acts as a login of its own, and is started on demand, after the logins", () => {
  const { environment, secrets, profiles, depends_on } = file.services.actions as Service;
  expect(environment).toMatchObject({
    SOURCE_DATABASE_URLS_FILE: "/run/secrets/worker-source-urls",
    CENTRAL_DATABASE_URL_FILE: "/run/secrets/worker-central-url",
  });
  expect(profiles).toEqual(["actions"]);
  expect(depends_on).toHaveProperty("logins");
  for (const [service, { secrets: given = [] }] of services) {
    if (service === "actions") continue;
    expect(given.filter((secret) => secrets?.includes(secret))).toEqual([]);
  }
  const logins = readFileSync(new URL("postgres/add-logins.sh", folder), "utf8");
  expect(logins).toMatch(/^add_login worker operator$/m);
});

test("each login that is made has its password, and the URLs of a login are of its own", () => {
  const logins = readFileSync(new URL("postgres/add-logins.sh", folder), "utf8");
  const script = readFileSync(new URL("make-secrets", folder), "utf8");
  const names = [...logins.matchAll(/^add_login (\w+)/gm)].map(([, name = ""]) => name);
  for (const name of names) {
    expect(file.services.logins?.secrets).toContain(`${name}-password`);
    if (name === "application") continue;
    expect(script).toContain(`url ${name}_1 ${name} singularity | write ${name}-source-urls`);
    expect(script).toContain(`url ${name}_1 ${name} centralcloud | write ${name}-central-url`);
  }
});

test("PostgreSQL is stopped after the consumers, whose one-shot services have ended long before", () => {
  expect(file.services.consumer?.depends_on).toHaveProperty("postgres");
});

test.each(services)("the log of %s does not grow for ever", (_, { logging }) => {
  expect(logging).toEqual({ driver: "json-file", options: { "max-size": "10m", "max-file": "5" } });
});

test("an operator's keys list knows the ring, and sealing is ensured, not activated again", () => {
  expect(file.services.operate?.environment).toHaveProperty("SESSION_PRIVATE_KEYS_FILE");
  expect(file.services["session-key"]?.command).toEqual([
    "keys",
    "ensure",
    "--from",
    "/run/secrets/session-key",
  ]);
});

test("the console looks and acts as logins of its own, holds no private key, and is for this machine", () => {
  const { environment, ports, secrets } = file.services.console as Service;
  expect(environment).toMatchObject({
    SOURCE_DATABASE_URLS_FILE: "/run/secrets/viewer-source-urls",
    CONSOLE_OPERATOR_SOURCE_DATABASE_URLS_FILE: "/run/secrets/operator-source-urls",
    CONSOLE_AUTH: "token",
  });
  expect(JSON.stringify({ environment, secrets })).not.toMatch(/SESSION_PRIVATE_KEYS|session-key/);
  expect(ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
});

test("make-secrets makes every secret", () => {
  const script = readFileSync(new URL("make-secrets", folder), "utf8");
  for (const [name, { file: path }] of Object.entries(file.secrets)) {
    expect(path).toMatch(new RegExp(`/${name}$`));
    const made = name.endsWith("-password")
      ? new RegExp(`for name in [a-z ]*\\b${name.replace("-password", "")}\\b`)
      : new RegExp(`write ${name}\\b`);
    expect(script).toMatch(made);
  }
});

test("people look and act as logins of their own, and nothing of theirs is started by itself", () => {
  for (const [service, login] of [
    ["look", "viewer"],
    ["operate", "operator"],
  ] as const) {
    const { environment, profiles } = file.services[service] as Service;
    expect(profiles).toEqual(["people"]);
    expect(environment).toMatchObject({
      SOURCE_DATABASE_URLS_FILE: `/run/secrets/${login}-source-urls`,
      CENTRAL_DATABASE_URL_FILE: `/run/secrets/${login}-central-url`,
    });
    const logins = readFileSync(new URL("postgres/add-logins.sh", folder), "utf8");
    expect(logins).toMatch(new RegExp(`^add_login ${login}$`, "m"));
  }
});
