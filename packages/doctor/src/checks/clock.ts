import type { CheckedDatabase, DatabaseCheckResult, DatabaseFact } from "../check.ts";
import { type ClockOffset, certainOffset } from "../clock-offset.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

/** Whether the database's clock agrees with this machine's. */
export async function checkClock({ clock, limits }: CheckedDatabase): Promise<CheckResult[]> {
  const offset = await clock();
  const certain = certainOffset(offset);
  if (Math.abs(certain) <= limits.clockMs)
    return [ok(`its clock agrees with ours, ${bounds(offset)}`)];
  const direction = certain > 0 ? "ahead of" : "behind";
  return [
    warning(
      `its clock is ${seconds(Math.abs(certain))} s ${direction} this machine's, at least (${bounds(offset)})`,
      "synchronize both with the same time servers (chronyd, systemd-timesyncd); timedatectl says which one is off",
    ),
  ];
}

/** Whether the clocks of the databases agree with each other, whatever this machine's says. */
export function compareClocks(
  facts: readonly DatabaseFact<ClockOffset>[],
): readonly DatabaseCheckResult[] {
  const central = facts.find(({ database }) => database.side === "central");
  if (central === undefined) return [];
  return facts.flatMap(({ database, fact: own }) => {
    if (database === central.database) return [];
    const certain = certainOffset({
      least: own.least - central.fact.most,
      most: own.most - central.fact.least,
    });
    if (Math.abs(certain) <= database.limits.clockMs) return [];
    const direction = certain > 0 ? "ahead of" : "behind";
    const checkResult = warning(
      `its clock is ${seconds(Math.abs(certain))} s ${direction} that of the central database, at least`,
      "synchronize both servers with the same time servers (chronyd, systemd-timesyncd)",
    );
    return [{ database, checkResult }];
  });
}

function bounds({ least, most }: ClockOffset): string {
  return `${Math.floor(least)} to ${Math.ceil(most)} ms ahead`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}
