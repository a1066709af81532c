import { routes } from "@centralcloud/console";
import { describe, expect, test } from "vitest";
import { browserMissing, useBrowser } from "../support/browser.ts";
import { useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { prepareSamples, urlOf } from "./samples.ts";

/* Texts of a hostile source, in every field that a source decides, in a real browser. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
const browsers = useBrowser();

/** Each would call `alert`, load something or leave its place, were it taken for anything but text. */
const corpus = [
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(2)>`,
  `'><svg onload=alert(3)>`,
  `</textarea></title></style></script><script>alert(4)</script>`,
  `javascript:alert(5)`,
  `<a href="javascript:alert(6)" id=hostile>x</a>`,
  `<base href="https://hostile.example/"><meta http-equiv=refresh content=0>`,
  `<style>body{display:none}</style>`,
  `{{constructor.constructor("alert(7)")()}}`,
  `<iframe srcdoc="<script>alert(8)</script>"></iframe>`,
  `\u202e<b id=hostile>\u2028&lt;script&gt;`,
].join(" ");

describe.skipIf(browserMissing !== undefined)(
  `in a browser (${browserMissing ?? "chromium"})`,
  () => {
    test("what a source writes is text on every page, and runs, loads and moves nothing", async () => {
      const start = corpus.slice(0, 500);
      const texts = { agent: start, session: start, reason: corpus.slice(0, 60), text: corpus };
      await system.singularity.pool.query("update public.singularity_source set name = $1", [
        `"><img src=x onerror=alert(9)> <b id=hostile>`,
      ]);
      await system.singularity.pool.query(
        `insert into public.agents (agent_id) values ($1) on conflict do nothing`,
        [start],
      );
      const prepared = await prepareSamples(system, texts);
      const { page } = await browsers.openSignedIn(await consoles.start());
      const own = new URL(page.url()).origin;
      let shown = 0;
      const statuses: string[] = [];
      for (const route of routes.filter(({ kind }) => kind === "page")) {
        const answer = await page.goto(urlOf(route, prepared));
        statuses.push(`${answer?.status()} ${route.path}`);
        const seen = await page.evaluate<{ strange: string[]; isShown: boolean }>(`({
        strange: [...document.querySelectorAll("script:not([src^='/assets/']), style, iframe, base, img, #hostile, [onerror], [onload], [href^='javascript:']")]
          .map((one) => one.outerHTML.slice(0, 100)),
        isShown: document.body.innerText.includes("alert("),
      })`);
        expect({ path: route.path, strange: seen.strange }).toEqual({
          path: route.path,
          strange: [],
        });
        expect(page.url().startsWith(own)).toBe(true);
        if (seen.isShown) shown++;
      }
      expect(statuses.filter((one) => !one.startsWith("200 "))).toEqual([]);
      // That nothing ran says something only where the texts were shown.
      expect(shown).toBeGreaterThan(5);
    });
  },
);
