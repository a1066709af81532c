import type { DatabaseUrls } from "./configuration.ts";

export interface Whereabouts {
  readonly urls: DatabaseUrls;
  /** Whether they may be shown with their passwords: those of the embedded databases are random. */
  readonly showsUrls: boolean;
  readonly httpPort: number;
  /** Signs in whoever opens it, once. */
  readonly consoleLink: string;
}

const insert = `insert into analysis_results (agent_id, result, confidence) values ('me', '{"type":"hello"}', 0.9)`;
const select = `select pattern, observation_count, agent_count, confidence_mean from central.patterns where pattern->>'type' = 'hello'`;

/**
 * Where to look, and what to paste. For the terminal only: the addresses hold the password of a
 * server that listens on this machine alone.
 */
export function formatGuide({ urls, showsUrls, httpPort, consoleLink }: Whereabouts): string {
  const databases = showsUrls
    ? [
        ...urls.sourceUrls.map((url) => `  Singularity   psql '${url}'`),
        `  central       psql '${urls.centralUrl}'`,
      ]
    : [];
  return `
Open this in a browser to see all of it:

  ${consoleLink}

Where else to look, from another terminal in this folder${
    showsUrls ? "" : " (with the same variables set)"
  }:

${databases.map((line) => `${line}\n`).join("")}  health        http://localhost:${httpPort}/readyz
  metrics       http://localhost:${httpPort}/metrics
  queues        npx centralcloud queues
  jobs          npx centralcloud jobs
  dead letters  npx centralcloud dlq groups   (the workload sends a broken message now and then)

See a row of your own arrive, a few seconds after it was written:

  npm run sql -- singularity ${quote(insert)}
  npm run sql -- central ${quote(select)}

Ctrl-C stops everything.`;
}

/** Double quotes, which a POSIX shell and Windows' cmd both take; nothing in here expands in them. */
function quote(statement: string): string {
  return `"${statement.replaceAll('"', '\\"')}"`;
}
