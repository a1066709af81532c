import { checkNames } from "@centralcloud/doctor";
import { expect, test } from "vitest";
import { operatePage } from "../support/operations-page.ts";

test("docs/operate/doctor.md lists every check of the doctor, and no other", () => {
  const rows = operatePage("doctor").matchAll(/^\| `([a-z-]+)` +\|/gm);
  const documented = [...rows].map(([, name]) => name);
  expect(documented).toEqual(checkNames);
});
