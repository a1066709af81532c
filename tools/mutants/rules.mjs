import { existsSync, readdirSync, readFileSync } from "node:fs";
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
  // A condition on a line of its own, without brackets that continue.
  { kind: "no-condition", pattern: /^ +and [^\n]*$/gm, to: () => "", fits: isBalanced },
  { kind: "descending", pattern: /\border by ([\w.]+)(?=[,;\n)])/g, to: (text) => `${text} desc` },
];

/** Where none of those fits, one of each of these that does: no function is without a mistake. */
const others = [
  { kind: "invoker", pattern: /\bsecurity definer\b/g, to: () => "security invoker" },
  {
    kind: "unequal",
    pattern: /(?<=\b(?:where|on|if|and|when)\b[^\n;]*?) = (?=\S)/g,
    to: () => " <> ",
  },
  { kind: "minus", pattern: / \+ (?=\S)/g, to: () => " - " },
  { kind: "negated", pattern: /\bif not found\b/g, to: () => "if found" },
  { kind: "no-coalesce", pattern: /\bcoalesce\((?=[^(),]+,)/g, to: () => "nullif(" },
].map((rule) => ({ ...rule, most: 1 }));

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
    const found = (all) =>
      all.flatMap(({ kind, pattern, to, fits = () => true, most }) =>
        [...code.matchAll(pattern)]
          .filter(([match]) => fits(match))
          .slice(0, most)
          .map((match, place) => ({ kind, to, match, place })),
      );
    const usual = found(rules);
    return (usual.length > 0 ? usual : found(others)).map(
      ({ kind, to, match: { 0: match, index }, place }) => {
        const name = `sql-${basename(object)}-${kind}-${place + 1}`;
        const line = code.slice(0, index).split("\n").length;
        const wrong = `${file}:${line}, ${kind}: it does not keep what it says: ${promise}`;
        const why = equivalent[name];
        return {
          ...{ name, in: file, at: index, search: match, replace: to(match), wrong, tests },
          ...(why === undefined ? {} : { equivalent: why }),
        };
      },
    );
  });
}

/**
 * For each check of the doctor: it finds nothing, whatever is wrong.
 *
 * @param elsewhere by the name of a check: the tests that show it, where its state takes a server or a login of its own.
 */
export function mutantsOfChecks(elsewhere) {
  const file = fileOfChecks();
  const text = readFileSync(join(root, file), "utf8");
  const entries = text.matchAll(
    /name: "([a-z-]+)",((?:(?!name: ")[\s\S])*?)\b(run|compare): (\w+),/g,
  );
  return [...entries].map(([, name, , kind, code]) => ({
    name: `doctor-${name}-${kind}s-nothing`,
    in: file,
    search: `${kind}: ${code},`,
    replace: silent(kind, code),
    wrong: `the doctor says nothing of what is wrong with ${name}`,
    tests: elsewhere[name] ?? [`test:cli/doctor-checks what is broken is found by ${name}`],
  }));
}

/** It is still asked, so that it compiles. */
function silent(kind, code) {
  return kind === "run"
    ? `run: async (...given) => (await ${code}(...given)).filter(({ severity }) => severity === "ok"),`
    : `compare: (...given) => ${code}(...given).filter(() => false),`;
}

/** Wherever the doctor lives. */
function fileOfChecks() {
  const paths = readdirSync(join(root, "packages")).flatMap((room) => [
    `packages/${room}/src/checks.ts`,
    `packages/${room}/src/doctor/checks.ts`,
  ]);
  const file = paths.find((path) => existsSync(join(root, path)));
  if (file === undefined) throw new Error("no package has the doctor's checks.ts");
  return file;
}

/** Functions and views of which the catalogue has no mistake. */
export function objectsWithoutMutant(mutants) {
  const tried = new Set(mutants.map(({ in: file }) => file));
  return ["singularity", "central"].flatMap((side) =>
    ["functions", "views"].flatMap((room) =>
      readdirSync(join(root, "sql", side, room))
        .map((name) => `sql/${side}/${room}/${name}`)
        .filter((file) => !tried.has(file)),
    ),
  );
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
