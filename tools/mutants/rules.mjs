import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./root.mjs";

/*
 * Mistakes that are made in any SQL: they follow the code by themselves, as they are found in it. What each would do
 * to a user is what the object's first comment promises.
 */

/** Each finds places of one kind in the text of an object, and says what stands there then. */
const rules = [
  { kind: "no-lock", pattern: /^ +for (?:no key )?(?:update|share)\b[^;\n)]*$/gm, to: () => "" },
  { kind: "no-skip", pattern: / skip locked/g, to: () => "" },
  { kind: "least-greatest", pattern: /\bleast\(/g, to: () => "greatest(" },
  { kind: "greatest-least", pattern: /\bgreatest\(/g, to: () => "least(" },
  { kind: "distinct-unequal", pattern: / is distinct from /g, to: () => " <> " },
  { kind: "no-distinct", pattern: /count\(distinct /g, to: () => "count(" },
  { kind: "at-most", pattern: /(?<=\s)<(?= )/g, to: () => "<=" },
  { kind: "below", pattern: /(?<=\s)<=(?= )/g, to: () => "<" },
  { kind: "at-least", pattern: /(?<=\s)>(?= )/g, to: () => ">=" },
  { kind: "above", pattern: /(?<=\s)>=(?= )/g, to: () => ">" },
  // A condition on a line of its own, without brackets that go on.
  { kind: "no-condition", pattern: /^ +and [^\n]*$/gm, to: () => "", fits: isBalanced },
  { kind: "descending", pattern: /\border by ([\w.]+)(?=[,;\n)])/g, to: (text) => `${text} desc` },
];

function isBalanced(text) {
  const count = (bracket) => text.split(bracket).length - 1;
  return count("(") === count(")") && !/\b(case|then|between)\b/.test(text) && !text.endsWith(";");
}

/** The code of an object, its comments blanked: places stay where they are. */
function withoutComments(text) {
  return text.replace(/--[^\n]*/g, (comment) => " ".repeat(comment.length));
}

/**
 * @param objects by the path of an object below sql, without `.sql`: the tests that should notice a mistake in it.
 * @param equivalent by the name of a mutant: why no test can tell it from the code.
 */
export function mutantsByRule(objects, equivalent = {}) {
  return Object.entries(objects).flatMap(([object, tests]) => {
    const file = `sql/${object}.sql`;
    const text = readFileSync(join(root, file), "utf8");
    const promise = text.split("\n")[0].replace(/^-- */, "");
    const code = withoutComments(text);
    return rules.flatMap(({ kind, pattern, to, fits = () => true }) =>
      [...code.matchAll(pattern)]
        .filter(([match]) => fits(match))
        .map(({ 0: match, index }, place) => {
          const name = `sql-${basename(object)}-${kind}-${place + 1}`;
          const line = code.slice(0, index).split("\n").length;
          const wrong = `${file}:${line}, ${kind}: it does not keep what it says: ${promise}`;
          const why = equivalent[name];
          return {
            ...{ name, in: file, at: index, search: match, replace: to(match), wrong, tests },
            ...(why === undefined ? {} : { equivalent: why }),
          };
        }),
    );
  });
}

/** A mistake for each grant of a file: the whole statement is left out. */
export function mutantsOfGrants(folder, tests) {
  return readdirSync(join(root, "sql", folder)).flatMap((name) => {
    const file = `sql/${folder}/${name}`;
    const code = withoutComments(readFileSync(join(root, file), "utf8"));
    const statements = [...code.matchAll(/^ +grant [^;]*;/gm)];
    return statements.map(({ 0: match, index }, place) => ({
      name: `sql-${folder.split("/")[0]}-${name.replace(/\.sql$/, "")}-no-grant-${place + 1}`,
      in: file,
      at: index,
      search: match,
      replace: " null;",
      wrong: `a role can't do its work: ${match.trim().replace(/\s+/g, " ").slice(0, 100)}`,
      tests,
    }));
  });
}
