import { createClient, messageOf } from "@centralcloud/postgres";
import { type Diagnosis, type DoctorOptions, diagnose, targetsOf } from "./doctor.ts";
import type { Finding } from "./finding.ts";

/** One thing that was done, or tried. */
export interface Repair {
  readonly check: string;
  readonly database: string;
  /** The statement, or what was done in words. */
  readonly what: string;
  /** Why it could not be done; absent where it was. */
  readonly error?: string;
}

/**
 * Does what the findings' fixes do, one after the other, and looks again. Done twice it does nothing the
 * second time, unless a fix could not help.
 *
 * @returns what was done, and what is found now.
 */
export async function repair(
  options: DoctorOptions,
): Promise<Diagnosis & { readonly repairs: readonly Repair[] }> {
  const before = await diagnose(options);
  const repairs: Repair[] = [];
  for (const { name, url } of targetsOf(options)) {
    const done = new Set<string>();
    for (const finding of before.findings) {
      if (finding.database !== name || finding.severity === "ok") continue;
      // Several findings may have one fix.
      if (finding.fix === undefined || done.has(finding.fix.what)) continue;
      done.add(finding.fix.what);
      repairs.push(await fix(finding, finding.fix, url));
    }
  }
  if (repairs.length === 0) return { ...before, repairs };
  const after = await diagnose(options);
  return { ...after, repairs: repairs.map((done) => compareWith(after, done)) };
}

/** What was done and did not help is not fixed. */
function compareWith({ findings }: Diagnosis, done: Repair): Repair {
  if (done.error !== undefined) return done;
  const left = findings.find(
    (finding) =>
      finding.severity !== "ok" &&
      finding.database === done.database &&
      finding.check === done.check &&
      finding.fix?.what === done.what,
  );
  return left === undefined ? done : { ...done, error: `it did not help: ${left.message}` };
}

async function fix(
  { check, database }: Finding,
  { what, run }: NonNullable<Extract<Finding, { fix?: unknown }>["fix"]>,
  url: string,
): Promise<Repair> {
  const client = createClient(url, {
    applicationName: "centralcloud-doctor",
    anyDatabase: true,
    sessionSettings: { lock_timeout: "5s" },
  });
  try {
    await client.connect();
    // PostgreSQL skips what it may not vacuum or analyze, and only warns of it.
    let skipped: string | undefined;
    client.on("notice", ({ severity, message }) => {
      if (severity === "WARNING") skipped ??= message;
    });
    await run(client, url);
    return { check, database, what, ...(skipped === undefined ? {} : { error: skipped }) };
  } catch (error) {
    return { check, database, what, error: messageOf(error) };
  } finally {
    await client.end().catch(() => {});
  }
}
