import type { Difference } from "./compare.ts";
import type { RightsDifference } from "./rights.ts";

/** What is wrong, as a clause without a full stop. */
export function describeDifference(difference: Difference): string {
  const { object, property, expected, actual } = difference;
  if (property === undefined) return `${object} is missing`;
  const grantee = /^grants to (.*)$/.exec(property)?.[1];
  if (grantee !== undefined) return describeGrants(difference, grantee);
  const part = /^(?:column|constraint|index|trigger) .*$/.exec(property)?.[0];
  if (part !== undefined) {
    if (actual === undefined) return `${object} lacks the ${part}`;
    if (part.startsWith("trigger") && !actual.startsWith("enabled:")) {
      return `the ${part} of ${object} is ${actual.replace(/:.*$/s, "")}`;
    }
    return `the ${part} of ${object} is not the one that was made: ${actual} instead of ${expected}`;
  }
  if (property === "definition") return `the definition of ${object} is not ours`;
  if (property.startsWith("option ")) {
    const option = property.slice("option ".length);
    return `${object} has ${option} = ${actual ?? "the server's"}${expected === undefined ? "" : ` instead of ${expected}`}`;
  }
  return `${object}: ${property} is ${actual ?? "missing"} instead of ${expected}`;
}

export function describeRights({ role, object, missing, extra }: RightsDifference): string {
  return describePrivileges(role, object, missing, extra);
}

/** Privileges of a list as the catalog writes it. */
export function privilegesIn(list: string | undefined): readonly string[] {
  return list === undefined ? [] : list.split(", ");
}

function describeGrants({ object, expected, actual }: Difference, grantee: string): string {
  if (grantee === "its owner")
    return `the owner of ${object} has only these rights on it: ${actual}`;
  const [wanted, found] = [privilegesIn(expected), privilegesIn(actual)];
  const who = grantee === "public" ? "everybody" : grantee;
  return describePrivileges(
    who,
    object,
    wanted.filter((privilege) => !found.includes(privilege)),
    found.filter((privilege) => !wanted.includes(privilege)),
  );
}

function describePrivileges(
  who: string,
  object: string,
  missing: readonly string[],
  extra: readonly string[],
): string {
  const lacks = missing.length > 0 ? [`lacks ${missing.join(", ")} on ${object}`] : [];
  const has = extra.length > 0 ? [`has ${extra.join(", ")} on ${object}, which was not given`] : [];
  return `${who} ${[...lacks, ...has].join(" and ")}`;
}
