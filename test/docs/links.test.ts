import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandHelp } from "@centralcloud/cli";
import { expect, onTestFinished, test } from "vitest";
import { brokenLink, brokenLinks } from "../../scripts/links.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("every link of the documentation, and every page that a source file names, leads to a file and a heading", () => {
  expect(brokenLinks(root)).toEqual([]);
});

test("the documentation that each command's help names exists", () => {
  const pages = Object.values(commandHelp).map(({ page }) => page);
  expect(pages.length).toBeGreaterThan(40);
  expect(pages.map((page) => brokenLink(root, "README.md", page)).filter(Boolean)).toEqual([]);
});

test("a path of the repository that a page has in backticks, or a comment names, must be there", () => {
  const folder = mkdtempSync(join(tmpdir(), "centralcloud-links-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "test/lane"), { recursive: true });
  writeFileSync(join(folder, "test/lane/idle.test.ts"), "");
  writeFileSync(
    join(folder, "page.md"),
    "`test/lane/idle.test.ts`, `test/lane`, `test/*/idle*`, `deploy/secrets/key`, test/gone, `other/gone`\n" +
      "```sh\nless `test/gone`\n```\n`test/gone/idle.test.ts` `test/*/other*` `scripts/gone --write`\n",
  );
  writeFileSync(
    join(folder, "function.sql"),
    "-- See test/lane/idle.test.ts and ../test/gone.\nselect 'test/gone'; -- as in test/gone.ts.\n",
  );
  expect(brokenLinks(folder)).toEqual([
    "function.sql: test/gone.ts: there is no such file",
    "page.md: test/gone/idle.test.ts: there is no such file",
    "page.md: test/*/other*: there is no such file",
    "page.md: scripts/gone: there is no such file",
  ]);
});

test("a link is broken without its file, or without its heading", () => {
  const folder = mkdtempSync(join(tmpdir(), "centralcloud-links-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "docs"));
  const page = "# The page\n\n```sh\n# no heading\n```\n\n`[no link](nowhere.md)`\n";
  writeFileSync(join(folder, "docs/page.md"), page);
  const links = [
    "page.md#the-page",
    "page.md#no-heading",
    "gone.md",
    "https://example.org/gone.md",
  ];
  writeFileSync(join(folder, "docs/links.md"), links.map((link) => `[words](${link})\n`).join(""));
  writeFileSync(
    join(folder, "message.ts"),
    "// See docs/page.md#the-page and docs/page.md#else.\n",
  );
  expect(brokenLinks(folder)).toEqual([
    "docs/links.md: page.md#no-heading: docs/page.md has no such heading",
    "docs/links.md: gone.md: there is no such file",
    "message.ts: docs/page.md#else: docs/page.md has no such heading",
  ]);
});
