import { readFileSync } from "node:fs";
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

test("the consumer is given only variables that there are", () => {
  for (const [, { image, environment = {} }] of services) {
    if (!image.includes("CENTRALCLOUD_IMAGE")) continue;
    for (const name of Object.keys(environment)) {
      expect(consumerVariables).toContain(name.replace(/_FILE$/, ""));
    }
  }
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
