import { queueNames } from "@centralcloud/contracts";
import { checkNames, diagnose, type Finding } from "@centralcloud/doctor";
import { askSources, defaultTimeoutS, identify } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { z } from "zod";
import { plural, StatusBadge, Text } from "../../kit/figures.tsx";
import { FilterForm, SelectField, TextField } from "../../kit/form.tsx";
import { Command, PartialSources } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { createGate } from "../../reading/gate.ts";
import { several, text } from "../../routing/fields.ts";
import { optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";

interface DoctorModel {
  /** Databases with errors first, and within each its errors. */
  readonly problems: readonly Finding[];
  readonly well: readonly Finding[];
  /** Sources that could not be asked for their names. */
  readonly silent: readonly Silence[];
  readonly given: { readonly check: string | undefined; readonly source: string | undefined };
}

const check = z.string().refine((name) => checkNames.includes(name), {
  error: `must be one of ${checkNames.toSorted().join(", ")}`,
});

/** What is wrong with the databases, or will be, and how to repair each. Looks anew whenever it is loaded. */
export const doctor = page({
  path: "/doctor",
  right: "look",
  section: "system",
  query: { check: several(check), source: several(text(300)) },
  title: ({ problems }: DoctorModel) => (problems.length === 0 ? "All is well" : "What is wrong"),
  async read({ query: { check: checks, source }, databases, shared }): Promise<DoctorModel> {
    const { sourceUrls, centralUrl, asking } = databases;
    const chosen =
      source === undefined
        ? undefined
        : await askSources(sourceUrls, { ...asking, source }, identify);
    const urls = chosen === undefined ? sourceUrls : chosen.answers.map(({ url }) => url);
    const { answers } = await shared.read(
      `doctor ${JSON.stringify([source ?? null, checks ?? null])}`,
      findingsKeptMs,
      async ({ mostS = defaultTimeoutS }) => {
        const diagnosis = await oneAtATime.run(() =>
          diagnose({
            sourceUrls: urls,
            centralUrl,
            queues: queueNames,
            limits: { databaseS: mostS },
            ...(checks === undefined ? {} : { checks }),
          }),
        );
        return { answers: [diagnosis], unreachable: [], failed: [] };
      },
    );
    const findings = answers.flatMap((diagnosis) => diagnosis.findings);
    const isWell = ({ severity }: Finding) => severity === "ok";
    return {
      problems: worstFirst(findings.filter((finding) => !isWell(finding))),
      well: findings.filter(isWell),
      silent: [...(chosen?.unreachable ?? []), ...(chosen?.failed ?? [])],
      given: { check: checks?.[0], source: source?.[0] },
    };
  },
  page: (model) => <DoctorPage {...model} />,
  command: ({ given }) => ["doctor", ...optionsOf(given, ["check", "source"])],
});

/** Who looks again has mended something, and looks at what is there now. */
const findingsKeptMs = 1_000;

/** It connects every database. */
const oneAtATime = createGate(1, { inLine: 8 });

/** Databases with an error come first, and within each its errors; otherwise the order stays. */
function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  const isBad = ({ severity }: Finding) => severity === "error";
  const names = [...new Set(findings.map(({ database }) => database))];
  const broken = new Set(findings.filter(isBad).map(({ database }) => database));
  const order = [
    ...names.filter((name) => broken.has(name)),
    ...names.filter((name) => !broken.has(name)),
  ];
  return order.flatMap((name) => {
    const own = findings.filter(({ database }) => database === name);
    return [...own.filter(isBad), ...own.filter((finding) => !isBad(finding))];
  });
}

function DoctorPage({ problems, well, silent, given }: DoctorModel): VNode {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const databases = [...new Set(problems.map(({ database }) => database))];
  const tone = errors > 0 ? "bad" : problems.length > 0 ? "warning" : "good";
  return (
    <>
      <PartialSources unreachable={silent} />
      <section class={`answer ${tone}`}>
        <p>
          {problems.length === 0
            ? `Nothing is wrong: all ${well.length.toLocaleString("en-US")} findings are good.`
            : `${plural(errors, "error")} and ${plural(problems.length - errors, "warning")}; ${plural(well.length, "finding")} good.`}
        </p>
      </section>
      {databases.map((database) => (
        <section key={database}>
          <h2>
            <Text>{database}</Text>
          </h2>
          {problems
            .filter((finding) => finding.database === database)
            .map((finding) => (
              <Problem finding={finding} key={`${finding.check} ${finding.message}`} />
            ))}
        </section>
      ))}
      <h2>Look again</h2>
      <FilterForm action="/doctor">
        <SelectField
          name="check"
          label="Check"
          value={given.check ?? ""}
          anyLabel="all checks"
          choices={checkNames.toSorted().map((name) => ({ value: name, label: name }))}
        />
        <TextField
          name="source"
          label="Source"
          hint="empty: all; the central store is always looked at"
          value={given.source}
        />
      </FilterForm>
      <details>
        <summary>What is in order: {plural(well.length, "finding")}</summary>
        <Table
          caption="What is in order"
          rows={well}
          keyOf={({ database, check: name, message }) => `${database} ${name} ${message}`}
          empty={<p>Nothing that was looked at is in order.</p>}
          columns={[
            { head: "Check", cell: ({ check: name }) => name },
            { head: "Database", cell: ({ database }) => <Text>{database}</Text> },
            { head: "Finding", cell: ({ message }) => <Text>{shorten(message, 300)}</Text> },
          ]}
        />
      </details>
    </>
  );
}

function Problem({ finding }: { readonly finding: Finding }): VNode | null {
  if (finding.severity === "ok") return null;
  const { severity, check: name, message, remedy, fix, why } = finding;
  const tone = severity === "error" ? "bad" : "warning";
  return (
    <section class={`finding ${tone}`}>
      <h3>
        <StatusBadge tone={tone}>{severity}</StatusBadge> {name}
      </h3>
      <p>
        <Text>{shorten(message, 1_000)}</Text>
      </p>
      <p>
        <strong>How to repair it: </strong>
        <Text>{shorten(remedy, 1_000)}</Text>
      </p>
      {fix !== undefined && (
        <>
          <p>A command does it, and nothing that it can't undo:</p>
          <Command words={["doctor", "--fix", "--check", name]} />
        </>
      )}
      {why !== undefined && (
        <p class="quiet">
          Why it matters: <Text>{shorten(why, 500)}</Text>.
        </p>
      )}
    </section>
  );
}
