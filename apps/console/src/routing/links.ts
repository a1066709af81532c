import { shellWord } from "@centralcloud/service";

/** What a query may be made of. What is undefined, or an empty list, is left out. */
export type Query = Readonly<
  Record<string, string | number | true | readonly string[] | undefined>
>;

/** A path of ours with its variables filled in, and a query: `hrefTo("/queues/{queue}/{source}", {…}, {…})`. */
export function hrefTo(
  path: string,
  params: Readonly<Record<string, string>> = {},
  query: Query = {},
): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const search = new URLSearchParams(pairsOf(query)).toString();
  return search === "" ? filled : `${filled}?${search}`;
}

function pairsOf(query: Query): [string, string][] {
  return Object.entries(query).flatMap(([name, value]): [string, string][] => {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value.map((one): [string, string] => [name, String(one)]);
    return [[name, value === true ? "yes" : String(value)]];
  });
}

/** The name of an option; a value that looks like one is joined to its own by whoever makes the words. */
const optionName = /^--[a-z][a-z-]*$/;

/** A command as it is typed in a shell. */
export function commandText(words: readonly string[]): string {
  return ["centralcloud", ...words]
    .map((word) => (optionName.test(word) ? word : shellWord(word)))
    .join(" ");
}

/**
 * Options of a command from what a query gave, by the same names. A value that begins with a dash would be taken for
 * another option by whoever reads it, so it is joined to its own.
 *
 * @param flags names that are options without a value.
 */
export function optionsOf(
  given: ReadonlyMap<string, readonly string[]>,
  names: readonly string[],
  flags: readonly string[] = [],
): readonly string[] {
  return [...given].flatMap(([name, values]) => {
    if (flags.includes(name)) return [`--${name}`];
    if (!names.includes(name)) return [];
    return values.flatMap((value) =>
      value.startsWith("-") ? [`--${name}=${value}`] : [`--${name}`, value],
    );
  });
}
