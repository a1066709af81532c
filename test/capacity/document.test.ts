import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  documentFile,
  plotFile,
  renderDocument,
  renderPlot,
} from "../../tools/capacity/document.ts";
import { readCommands, readFigures, readValidation } from "../../tools/capacity/figures.ts";
import { formatBytes, formatNumber, formatSeconds } from "../../tools/capacity/markdown.ts";

test("every number of docs/capacity.md, and its picture, is that of the figures (else: pnpm capacity document)", () => {
  const page = readFileSync(documentFile, "utf8");
  expect(page).toBe(renderDocument(page, readFigures(), readValidation(), readCommands()));
  expect(readFileSync(plotFile, "utf8")).toBe(renderPlot(readFigures()));
});

test("a page without a place for a block is refused, and so is a place that nothing fills", () => {
  const render = (page: string) =>
    renderDocument(page, readFigures(), readValidation(), readCommands());
  expect(() => render("")).toThrow("no place for measured, assumed");
  expect(() => render("<!-- computed: nothing -->\n<!-- end -->")).toThrow('computes "nothing"');
});

test("numbers have the digits that they are worth", () => {
  expect([0.01234, 1.25, 42, 999, 1_234, 17_833.3].map(formatNumber)).toEqual([
    "0.012",
    "1.3",
    "42",
    "999",
    "1,230",
    "17,800",
  ]);
  expect([0, 578, 15_400_000_000].map(formatBytes)).toEqual(["0 B", "578 B", "15 GB"]);
  expect([90, 600, 18_000].map(formatSeconds)).toEqual(["90 s", "10 min", "5 h"]);
});
