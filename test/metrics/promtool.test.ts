import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { useSystem } from "../support/databases.ts";
import { useService } from "../support/service.ts";

/* Prometheus' own opinion of what it is to read. CI installs promtool (.ci/promtool), and there it must not be missing. */

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const rulesFile = `${deploy}observability/prometheus-rules.yaml`;
const casesFolder = `${deploy}observability/rule-tests/`;
const cases = readdirSync(casesFolder);

const isThere = spawnSync("promtool", ["--version"]).status === 0;
const isRequired = Boolean(process.env.CI) || process.env.REQUIRE_FULL_PROFILE === "true";

function promtool(words: readonly string[], input = "") {
  const { status, stdout, stderr } = spawnSync("promtool", words, { input, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

test.runIf(isRequired)("promtool is there", () => expect(isThere).toBe(true));

describe.skipIf(!isThere)("promtool", () => {
  test("accepts the configuration and the rules that it names", () => {
    const { status, output } = promtool(["check", "config", `${deploy}prometheus/prometheus.yaml`]);
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toContain("observability/prometheus-rules.yaml");
  });

  test("accepts the rules, and finds none of them twice", () => {
    const { status, output } = promtool([
      "check",
      "rules",
      "--lint=all",
      "--lint-fatal",
      rulesFile,
    ]);
    expect({ status, output }).toMatchObject({ status: 0 });
  });

  test.each(cases)("sees the alerts of %s fire when they should, and not otherwise", (file) => {
    expect(promtool(["test", "rules", `${casesFolder}${file}`])).toMatchObject({ status: 0 });
  });

  test("finds a case that a rule does not meet", () => {
    const [file = ""] = cases;
    const text = readFileSync(`${casesFolder}${file}`, "utf8");
    const wrong = text
      .replace(/^rule_files: .*$/m, `rule_files: ["${rulesFile}"]`)
      .replace("value: 1 }", "value: 2 }");
    const folder = mkdtempSync(join(tmpdir(), "promtool-"));
    try {
      writeFileSync(join(folder, file), wrong);
      const { status, output } = promtool(["test", "rules", join(folder, file)]);
      expect(status).toBe(1);
      expect(output).toContain("2E+00");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe("with a running service", () => {
    const system = useSystem();
    const services = useService(system);
    test("has nothing to say against the metrics", async () => {
      const service = await services.start();
      await service.ready();
      const text = await (await service.get("/metrics")).text();
      // Those of Node itself are named by prom-client.
      const ours = text
        .split("\n")
        .filter((line) => !/^(# \w+ )?(nodejs|process)_/.test(line))
        .join("\n");
      expect(promtool(["check", "metrics"], ours)).toEqual({ status: 0, output: "" });
    });
  });
});

test("each alert has a case in which it fires, and one in which it does not", () => {
  interface Case {
    readonly promql_expr_test: readonly {
      readonly expr: string;
      readonly exp_samples: readonly { readonly labels: string }[];
    }[];
  }
  const checks = cases
    .flatMap((file) => {
      const { tests } = parse(readFileSync(`${casesFolder}${file}`, "utf8")) as { tests: Case[] };
      return tests;
    })
    .flatMap((one) => one.promql_expr_test);
  const { groups } = parse(readFileSync(rulesFile, "utf8")) as {
    groups: { rules: { alert: string }[] }[];
  };
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const named = (text: string, alert: string) => new RegExp(`\\b${alert}\\b`).test(text);
  for (const alert of alerts) {
    const about = checks.filter(({ expr }) => named(expr, alert));
    const fires = (check: (typeof about)[number]) =>
      check.exp_samples.some(({ labels }) => named(labels, alert));
    expect(about.some(fires), `${alert} fires`).toBe(true);
    expect(
      about.some((check) => !fires(check)),
      `${alert} does not fire`,
    ).toBe(true);
  }
});
