import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Scrape } from "../../tools/support/metrics-text.ts";
import { captureDefaults, dropSlots, prepareForCapture } from "../support/capture.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { patternMessage } from "../support/messages.ts";
import { readExpression } from "../support/promql.ts";
import { startService, type TestService } from "../support/service.ts";
import { until } from "../support/until.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<"summary" | "description" | "runbook_url", string>>;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const rules = (
  parse(read("deploy/observability/prometheus-rules.yaml")) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("deploy/observability/grafana-dashboard.json")) as {
  panels: readonly Panel[];
  templating: { list: readonly { name: string; type: string; query: string }[] };
};
const panels = dashboard.panels.filter(({ type }) => type !== "row");

const system = useSystem();
const queue = "centralcloud-new-patterns";
let service: TestService;
let scrape: Scrape;

/** Objects without which a part of the service meets a fault. */
const renamed = ["merge_patterns", "report_consumer", "record_changes"];

/** Lets happen what makes every series that is only there after something went wrong. */
beforeAll(async () => {
  await prepareForCapture(system);
  for (const name of renamed) {
    await system.central.pool.query(`alter function central.${name} rename to test_${name}`);
  }
  service = await startService(system, { capture: captureDefaults });
  await queuesOf(system).sendBatch("agent-sessions", ["{}"]);
  await queuesOf(system).sendBatch("agent-knowledge-updates", [
    JSON.stringify({ agents_updated: 1, total_patterns: 1, updated_at: new Date() }),
  ]);
  await queuesOf(system).sendBatch(queue, [patternMessage()]);
  const { name } = system.central;
  await until("the capture reads", async () => {
    await system.singularity.pool.query(
      "insert into agents (agent_id) values (gen_random_uuid()::text)",
    );
    return (await service.scrape()).value("centralcloud_capture_faults_total");
  });
  await until("the heartbeat fails", async () => {
    return (await service.scrape()).value("centralcloud_upkeep_faults_total");
  });
  for (const one of renamed) {
    await system.central.pool.query(`alter function central.test_${one} rename to ${one}`);
  }
  await until("changes are recorded", async () => {
    return (await service.scrape()).value("centralcloud_capture_changes_total");
  });
  await system.singularity.pool.query(`alter database ${name} with allow_connections false`);
  await until("the central store is missed", async () => {
    await system.singularity.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name like 'centralcloud%'`,
      [name],
    );
    return (await service.scrape()).value("centralcloud_database_faults_total");
  });
  await system.singularity.pool.query(`alter database ${name} with allow_connections true`);
  await service.ready();
  scrape = await until("the slot was looked at", async () => {
    const seen = await service.scrape();
    return seen.value("centralcloud_capture_lag_seconds") === undefined ? undefined : seen;
  });
});

afterAll(async () => {
  await service.stop(2_000);
  await dropSlots(system);
});

/** Labels that Prometheus itself adds. */
const added = ["instance", "job"];

/** Expects that what an expression names is there: metrics, labels, and values of labels. */
function expectExposed(text: string): void {
  const { selectors, grouping } = readExpression(text);
  const labels = new Set([...added]);
  for (const { name, matchers } of selectors) {
    const samples = scrape.samples.filter((sample) => sample.name === name);
    expect(samples.length, `${name} in: ${text}`).toBeGreaterThan(0);
    const own = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    for (const label of own) labels.add(label);
    for (const { label, operator, value } of matchers) {
      expect([...own, ...added], `a label of ${name} in: ${text}`).toContain(label);
      if (operator !== "=" || value.includes("$")) continue;
      const values = samples.map((sample) => sample.labels[label]);
      expect(values, `a value of ${label} of ${name} in: ${text}`).toContain(value);
    }
  }
  for (const label of grouping) expect([...labels], `to group by in: ${text}`).toContain(label);
}

describe("prometheus-rules.yaml", () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    "%s names what the service exposes, and has its paragraph",
    (alert, { expr, annotations, labels }) => {
      expectExposed(expr);
      expect(alert).toMatch(/^CentralCloud[A-Z]\w+$/);
      expect(["warning", "critical"]).toContain(labels.severity);
      expect(annotations.summary).toMatch(/\S/);
      expect(annotations.description).toMatch(/\S/);
      for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        const { grouping } = readExpression(expr);
        expect([...grouping, ...added]).toContain(label);
      }
      const [page, anchor] = annotations.runbook_url.split("#");
      expect(page).toBe("docs/operate/alerts.md");
      expect(anchor).toBe(alert.toLowerCase());
      const paragraph = read("docs/operate/alerts.md").split(`\n## ${alert}\n`)[1];
      expect(paragraph, `## ${alert} in docs/operate/alerts.md`).toBeDefined();
      expect(paragraph?.split("\n#")[0]?.trim().length).toBeGreaterThan(150);
    },
  );

  test("no paragraph is left of an alert that is gone", () => {
    const headings = [...read("docs/operate/alerts.md").matchAll(/^## (CentralCloud\w+)$/gm)];
    expect(headings.map(([, name]) => name).sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});

describe("grafana-dashboard.json", () => {
  test.each(panels.map((panel) => [panel.title, panel] as const))(
    "%s shows what the service exposes",
    (_, { description, targets = [] }) => {
      expect(description).toMatch(/\S/);
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr, legendFormat } of targets) {
        // Grafana puts a duration in place of its variable.
        const text = expr.replaceAll("$__rate_interval", "5m");
        expectExposed(text);
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect([...readExpression(text).grouping, ...added]).toContain(label);
        }
      }
    },
  );

  test("each panel has an id of its own, and each variable that a panel uses is declared", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const used = [...JSON.stringify(dashboard.panels).matchAll(/\$\{?(\w+)/g)].map(
      ([, name]) => name,
    );
    const declared = dashboard.templating.list.map(({ name }) => name);
    for (const name of new Set(used)) expect([...declared, "__rate_interval"]).toContain(name);
    for (const { type, query } of dashboard.templating.list) {
      if (type !== "query") continue;
      const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
      if (metric === "") expectExposed(/^query_result\((.*)\)$/.exec(query)?.[1] ?? "");
      else expectExposed(`count by (${label}) (${metric})`);
    }
  });
});

test("a series that has no metric, a wrong label or a wrong value is found", () => {
  expect(() => expectExposed("sum(centralcloud_nothing)")).toThrow();
  expect(() => expectExposed('centralcloud_ready{queue="x"} == 1')).toThrow();
  expect(() => expectExposed('centralcloud_capture_state{state="gone"}')).toThrow();
  expect(() => expectExposed("sum by (queue) (centralcloud_ready)")).toThrow();
  expect(() => expectExposed("sum(rate(centralcloud_ready[5m])")).toThrow();
});
