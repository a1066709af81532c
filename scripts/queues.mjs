import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/*
 * What each queue needs beside its contract, in `packages/contracts/src/queues`: a line for each place that lacks it. The
 * compiler finds some of them, too, but only package by package, and none in SQL, YAML and Markdown.
 * `npm run check` runs this, on what was built.
 *
 *   node scripts/queues.mjs           names what is missing; exit code 1 if anything is
 *   node scripts/queues.mjs --write   first writes what follows from the contracts alone
 */

const generateDb = "run `pnpm --filter @centralcloud/db generate --name a_sentence_in_snake_case`";
const generateContracts = "run `pnpm --filter @centralcloud/contracts generate`";
const writeIt = "run `node scripts/queues.mjs --write`";

/** Lists that are written from the names of all queues: a file, and its text with the list anew. */
const written = [
  {
    file: "sql/singularity/functions/cleanup_queue_archives.sql",
    list: /(?<=where m\.queue_name in \(\n)[\s\S]*?(?=\n +\))/,
    write: (queues) =>
      queues.map(({ queue }) => `             '${queue}', '${queue}-dlq'`).join(",\n"),
  },
  {
    file: "sql/singularity/functions/open_action_part.sql",
    list: /(?<=if p_queue not in \()[^)]*(?=\))/,
    write: (queues) => queues.map(({ queue }) => `'${queue}'`).join(", "),
  },
  {
    file: "deploy/kubernetes/components/keda/autoscaler.yaml",
    list: /(?<=name: depth\n[\s\S]*?query: >-\n)[\s\S]*?(?=\n +authenticationRef:)/,
    write: (queues) => {
      const counts = queues.map(
        ({ queue }) => `(select count(*) from (select from pgmq."q_${queue}" limit 100001) q)`,
      );
      return `          select (${counts.join("\n          + ")})::float8`;
    },
  },
  {
    file: "deploy/kubernetes/components/keda/autoscaler.yaml",
    list: /(?<=name: age\n[\s\S]*?from \(\n)[\s\S]*?(?=\n +\) o\n)/,
    write: (queues) => {
      const oldest = queues.map(
        ({ queue }) => `(select enqueued_at from pgmq."q_${queue}" order by msg_id limit 1)`,
      );
      return `          ${oldest.join("\n          union all ")}`;
    },
  },
  {
    file: "docs/operate/deploy.md",
    list: /(?<=grant select \(msg_id, enqueued_at\)\n)[\s\S]*?(?=\n +to autoscaler_1;)/,
    write: (queues) =>
      `    on ${queues.map(({ queue }) => `pgmq."q_${queue}"`).join(",\n       ")}`,
  },
  {
    file: "docs/architecture.md",
    list: /(?<=\n)\| queue +\| message +\| merged by +\|[\s\S]*?(?=\n\n)/,
    write: (queues) =>
      table([
        ["queue", "message", "merged by", "into"],
        ...queues.map(({ queue, version, merge, tables }) => [
          `\`${queue}\``,
          `\`${version}\``,
          `\`${merge}\``,
          tables.map((name) => `\`${name}\``).join(", "),
        ]),
      ]),
  },
];

/** A table of Markdown, as the formatter has it. */
function table([head, ...rows]) {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column].length)),
  );
  const line = (cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** What a person writes for each queue: a file, and what it must hold. */
const byHand = [
  {
    file: ({ merge }) => `sql/central/functions/${merge}.sql`,
    has: ({ merge }) => [`function central.${merge}`],
  },
  {
    file: () => "sql/central/grants/centralcloud_consumer.sql",
    has: ({ merge, tables }) => [merge, ...tables].map((name) => `central.${name}`),
  },
  ...["operator", "viewer"].map((role) => ({
    file: () => `sql/central/grants/centralcloud_${role}.sql`,
    has: ({ tables }) => tables.map((name) => `central.${name}`),
  })),
  {
    file: () => "packages/db/src/schema/central.ts",
    has: ({ tables }) => tables.map((name) => `"${name}"`),
  },
  {
    file: () => "packages/db/catalog/central.json",
    has: ({ merge, tables }) => [
      `"function central.${merge}(`,
      ...tables.map((name) => `"table central.${name}"`),
    ],
    remedy: generateDb,
  },
  {
    file: () => "packages/db/catalog/singularity.json",
    has: ({ queue }) => [`"queue ${queue}"`, `"queue ${queue}-dlq"`],
    remedy: generateDb,
  },
  {
    file: ({ queue }) => `packages/contracts/generated/${queue}.schema.json`,
    has: ({ version }) => [`"urn:centralcloud:${version}"`],
    remedy: generateContracts,
  },
  {
    file: () => "packages/contracts/test/messages.ts",
    has: ({ queue }) => [`"${queue}"`],
  },
  {
    file: () => "packages/contracts/test/messages.jsonl",
    has: ({ queue }) =>
      ["accept", "invalid"].map((result) => `"queue":"${queue}","result":"${result}"`),
  },
  {
    file: () => "packages/trace/src/read-store.ts",
    has: ({ queue }) => [`"${queue}"`],
  },
  {
    file: () => "packages/cdc/src/reconcile/compared-queues.ts",
    has: ({ queue, captured }) => (captured === null ? [] : [`"${queue}"`]),
  },
  ...["tools/chaos/queues", "test/support/queue-cases"].flatMap((folder) => [
    { file: ({ queue }) => `${folder}/${queue}.ts`, has: () => [] },
    { file: () => `${folder}.ts`, has: ({ queue }) => [`"${queue}"`] },
  ]),
  {
    file: () => "tools/mutants/catalogue/sql.mjs",
    has: ({ merge }) => [`"central/functions/${merge}"`],
  },
  {
    file: () => "test/rights/rights.ts",
    has: ({ merge, tables }) => [
      `"function central.${merge}"`,
      ...tables.map((name) => `"table central.${name}"`),
    ],
  },
  {
    file: () => "test/dlq/masked-output.test.ts",
    has: ({ queue }) => [`"${queue}"`],
  },
  {
    file: () => "docs/operate/evening.md",
    has: ({ queue }) => [`… ${queue} …`],
  },
];

const queueFile = ({ queue }) => `sql/singularity/queues/${queue}.sql`;

const queueText = ({ queue, version, title }) =>
  `-- ${title}; contract ${version}.\nselect public.create_queue('${queue}');\n`;

/** Of each queue what its contract says: its name, its version, its merge, its tables, its captured row, and its description. */
export async function readContracts(root) {
  const built = pathToFileURL(join(root, "packages/contracts/dist/index.js")).href;
  const { queueNames, contractFor } = await import(built);
  return queueNames.map((name) => {
    const { queue, version, merge, tables, captured, schema } = contractFor(name);
    return { queue, version, merge, tables, captured, title: schema.meta()?.description ?? name };
  });
}

/** A line for each place below a folder that lacks something of a queue. */
export function missingPlaces(root, queues) {
  return [
    ...undeclared(root, queues),
    ...queues.flatMap((queue) => missingOf(root, queue)),
    ...written.flatMap((place) => staleList(root, place, queues)),
  ];
}

/** A contract is a file with the name of its queue; the built package knows those that are listed. */
function undeclared(root, queues) {
  const folder = "packages/contracts/src/queues";
  const files = new Set(readdirSync(join(root, folder)).map((file) => file.replace(/\.ts$/, "")));
  const names = new Set(queues.map(({ queue }) => queue));
  return [
    ...[...files]
      .filter((file) => !names.has(file))
      .map((file) => `${folder}.ts: does not list ${folder}/${file}.ts, or was not built since`),
    ...[...names]
      .filter((name) => !files.has(name))
      .map((name) => `${folder}/${name}.ts: is missing; the contract of a queue has its name`),
  ];
}

function missingOf(root, queue) {
  const made = { file: queueFile, has: (of) => [`create_queue('${of.queue}')`], remedy: writeIt };
  return [made, ...byHand].flatMap(({ file, has, remedy }) => {
    const path = file(queue);
    const then = remedy === undefined ? "" : `; ${remedy}`;
    const wanted = has(queue);
    if (!existsSync(join(root, path))) return [`${path}: is missing, for ${queue.queue}${then}`];
    const text = readFileSync(join(root, path), "utf8");
    return wanted
      .filter((words) => !holds(text, words))
      .map((words) => `${path}: lacks ${words}, of ${queue.queue}${then}`);
  });
}

/** Whether a text has these words, and not as a part of longer ones. */
function holds(text, words) {
  const escaped = words.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const [before, after] = [
    /^\w/.test(words) ? "(?<![\\w-])" : "",
    /\w$/.test(words) ? "(?![\\w-])" : "",
  ];
  return new RegExp(`${before}${escaped}${after}`).test(text);
}

function staleList(root, { file, list, write }, queues) {
  const [found] = list.exec(readFileSync(join(root, file), "utf8")) ?? [];
  if (found === undefined)
    return [`${file}: has no list of queues where scripts/queues.mjs looks for it`];
  if (found === write(queues)) return [];
  const missing = queues.filter(({ queue }) => !holds(found, queue) && !holds(found, `q_${queue}`));
  const what = missing.map(({ queue }) => queue).join(", ");
  return [`${file}: ${what === "" ? "lists other queues" : `lacks ${what}`}; ${writeIt}`];
}

/** Writes what follows from the contracts alone; gives the files that are changed. */
export function writePlaces(root, queues) {
  const changed = [];
  for (const queue of queues) {
    const path = join(root, queueFile(queue));
    if (existsSync(path)) continue;
    writeFileSync(path, queueText(queue));
    changed.push(queueFile(queue));
  }
  for (const { file, list, write } of written) {
    const path = join(root, file);
    const text = readFileSync(path, "utf8");
    const [found] = list.exec(text) ?? [];
    if (found === undefined || found === write(queues)) continue;
    writeFileSync(
      path,
      text.replace(list, () => write(queues)),
    );
    changed.push(file);
  }
  return changed;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const queues = await readContracts(root);
  if (process.argv[2] === "--write") {
    for (const file of writePlaces(root, queues)) console.log(`${file}: written`);
  }
  const missing = missingPlaces(root, queues);
  for (const line of missing) console.error(line);
  process.exitCode = missing.length > 0 ? 1 : 0;
}
