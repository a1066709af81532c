import { diagnose, type Finding } from "@centralcloud/doctor";
import type { StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { problem } from "../support/doctor.ts";
import { fullProfileContainer } from "../support/full-profile-container.ts";

const settings = ["-c", "fsync=off", "-c", "output_plugin_libraries=pgoutput"];
let server: StartedTestContainer;

beforeAll(async () => {
  const profile = inject("fullProfile");
  if ("missing" in profile) throw new Error(profile.missing);
  server = await fullProfileContainer(profile.image)
    .withEnvironment({ POSTGRES_PASSWORD: "of-the-test" })
    .withCommand(settings)
    .start();
});
afterAll(() => server.stop());

async function ofCapture(): Promise<readonly Finding[]> {
  const place = `${server.getHost()}:${server.getMappedPort(5432)}`;
  const url = (name: string) => `postgres://postgres:of-the-test@${place}/${name}`;
  const { findings } = await diagnose({
    sourceUrls: [url("singularity")],
    centralUrl: url("centralcloud"),
    queues: [],
  });
  return findings.filter(({ check }) => check === "capture");
}

test("wal2json that is installed and not on the allow-list is found, with the setting that allows it", async () => {
  expect(await ofCapture()).toEqual([
    expect.objectContaining({ severity: "ok" }),
    problem(
      "warning",
      /^pgoutput is used; wal2json is installed, but output_plugin_libraries leaves it out$/,
      /^set output_plugin_libraries = 'pgoutput, wal2json' in postgresql\.conf, and (reload|restart)/,
    ),
  ]);
});
