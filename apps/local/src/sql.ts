import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { databaseVariables } from "@centralcloud/consumer";
import { assertReachable, withClient } from "@centralcloud/postgres";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { UsageError } from "./arguments.ts";
import { dataFolder } from "./data-folder.ts";
import { describeFailure } from "./failure.ts";

/* `npm run sql -- singularity "select …"`: for whoever has no psql. */
try {
  const [database = "", statement = "", ...more] = process.argv.slice(2);
  if (!["singularity", "central"].includes(database) || statement === "" || more.length > 0) {
    throw new UsageError('usage: npm run sql -- <singularity|central> "<statement>"');
  }
  const url = findUrl(database, process.env);
  await assertReachable([url]);
  await runStatement(url, statement);
} catch (error) {
  const { sentence, exitCode } = describeFailure(error);
  console.error(sentence);
  process.exitCode = exitCode;
}

/** The databases that the environment names, else those that `npm start` runs. */
function findUrl(database: string, environment: Environment): string {
  const isGiven = Object.keys(databaseVariables).some(
    (name) => environment[name] || environment[`${name}_FILE`],
  );
  const values = isGiven ? environment : readEnvironmentFile();
  if (database === "central") {
    const { CENTRAL_DATABASE_URL } = databaseVariables;
    return parseConfiguration({ CENTRAL_DATABASE_URL }, values).CENTRAL_DATABASE_URL;
  }
  const { SOURCE_DATABASE_URLS } = databaseVariables;
  const [first] = parseConfiguration({ SOURCE_DATABASE_URLS }, values).SOURCE_DATABASE_URLS;
  return first as string;
}

function readEnvironmentFile(): Environment {
  try {
    return parseEnv(readFileSync(dataFolder.environmentFile, "utf8"));
  } catch {
    throw new UsageError("npm start is not running; it runs the databases that this asks");
  }
}

async function runStatement(url: string, statement: string): Promise<void> {
  // Values as PostgreSQL writes them: no number or timestamp passes through JavaScript.
  const types = { getTypeParser: () => (value: string | Buffer) => String(value) };
  await withClient(
    url,
    {
      applicationName: "centralcloud-sql",
      types,
      answerBytes: Number.POSITIVE_INFINITY,
    },
    async (client) => {
      // Several statements give an array of results, which pg's types do not tell.
      const results = [await client.query(statement)].flat();
      for (const { command, rowCount, rows, fields } of results) {
        if (fields.length > 0)
          console.table(
            rows,
            fields.map(({ name }) => name),
          );
        else console.log(`${command} ${rowCount ?? ""}`.trimEnd());
      }
    },
  );
}
