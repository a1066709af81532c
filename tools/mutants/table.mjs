/** How many of each package were noticed; equivalent ones do not count. */
export function formatTable(outcomes) {
  const packages = [...new Set(outcomes.map((one) => one.package))].sort();
  const rows = [...packages.map((name) => rowOf(name, outcomes)), rowOf(undefined, outcomes)];
  const head = ["package", "killed", "survived", "equivalent", "noticed"];
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function rowOf(name, outcomes) {
  const ours = outcomes.filter((one) => name === undefined || one.package === name);
  const count = (outcome) => ours.filter((one) => one.outcome === outcome).length;
  const [killed, survived, equivalent] = ["killed", "survived", "equivalent"].map(count);
  const tried = killed + survived;
  const share = tried === 0 ? "–" : `${Math.round((100 * killed) / tried)} %`;
  return [name ?? "all", String(killed), String(survived), String(equivalent), share];
}
