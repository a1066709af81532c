import type { VNode } from "preact";
import { StatusBadge } from "../../kit/figures.tsx";
import { Notice } from "../../kit/notices.tsx";
import { Facts, Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { NotFoundError, page } from "../../routing/route.ts";
import { type AlertRule, alertRules } from "./rules.ts";
import { Runbook } from "./runbook.tsx";

const tones: Readonly<Record<string, "bad" | "warning">> = { critical: "bad", warning: "warning" };

function Severity({ severity }: { readonly severity: string }): VNode {
  return <StatusBadge tone={tones[severity] ?? "quiet"}>{severity}</StatusBadge>;
}

/** Every alert that there is, the critical ones first, each with its runbook. */
export const alerts = page({
  path: "/alerts",
  right: "look",
  section: "system",
  query: {},
  title: () => "Alerts",
  read: async () => alertRules,
  page: (rules) => <AlertsPage rules={rules} />,
});

function AlertsPage({ rules }: { readonly rules: readonly AlertRule[] }): VNode {
  const isCritical = ({ severity }: AlertRule) => severity === "critical";
  const sorted = [...rules.filter(isCritical), ...rules.filter((rule) => !isCritical(rule))];
  return (
    <>
      <p>
        What Prometheus may call you for, and what to do then; the runbooks are in the console, so
        they need no network. Whether an alert fires now, Prometheus knows;{" "}
        <a href="/doctor">the doctor</a> says what is wrong now.
      </p>
      <Table
        caption="The alerts"
        rows={sorted}
        keyOf={({ name }) => name}
        empty={<p>No alert is known.</p>}
        columns={[
          {
            head: "Alert",
            cell: ({ name }) => <a href={hrefTo("/alerts/{name}", { name })}>{name}</a>,
          },
          { head: "Severity", cell: ({ severity }) => <Severity severity={severity} /> },
          { head: "What it means", cell: ({ description }) => withoutTemplates(description) },
        ]}
      />
    </>
  );
}

/** One alert: what it says, what to do, and when it fires. */
export const alert = page({
  path: "/alerts/{name}",
  right: "look",
  section: "system",
  query: {},
  title: ({ name }: AlertRule) => name,
  async read({ params: { name = "" } }): Promise<AlertRule> {
    const rule = alertRules.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (rule === undefined) throw new NotFoundError(`There is no alert ${name}.`);
    return rule;
  },
  page: (rule) => <AlertPage {...rule} />,
  command: () => ["doctor"],
});

/** A text with `{{ $labels.queue }}` in it, which Prometheus fills in, as one reads it: “(queue)”; a figure is “(n)”. */
function withoutTemplates(text: string): string {
  return text.replaceAll(/\{\{(.*?)\}\}/g, (_, inner: string) => {
    return `(${/\$labels\.(\w+)/.exec(inner)?.[1] ?? "n"})`;
  });
}

function AlertPage(rule: AlertRule): VNode {
  const { severity, summary, description, runbook, expression, group } = rule;
  return (
    <>
      <Notice tone={tones[severity] ?? "info"} title={withoutTemplates(summary)}>
        <p>{withoutTemplates(description)}</p>
      </Notice>
      <h2>What to do</h2>
      <Runbook text={runbook} />
      <h2>When it fires</h2>
      <Facts
        facts={[
          ["Severity", <Severity severity={severity} key="severity" />],
          ["Holds for", rule.for ?? "a moment: it fires at once"],
          ["Group", group],
        ]}
      />
      <pre>
        <code>{expression}</code>
      </pre>
      <p>
        <a href="/alerts">All alerts</a>
      </p>
    </>
  );
}
