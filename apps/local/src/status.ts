import { routes } from "@centralcloud/consumer";
import { createPool } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import type { Part } from "@centralcloud/service";
import type { DatabaseUrls } from "./configuration.ts";
import { messageOf } from "./failure.ts";
import { createRepeatingPart } from "./repeating-part.ts";
import type { Screen } from "./screen.ts";
import { formatBlock, formatLine, type Status } from "./status-text.ts";
import type { Totals } from "./totals.ts";

/** A redrawn block can change often; lines that stay should be few. */
const everyMs = { block: 1_000, line: 10_000 };

/** Shows what happens: a block that is redrawn, or off a terminal a line when something has changed. */
export function createStatus(urls: DatabaseUrls, totals: Totals, screen: Screen): Part {
  const applicationName = "centralcloud-status";
  const sources = urls.sourceUrls.map((url) => createPool(url, { applicationName, max: 1 }));
  const central = createPool(urls.centralUrl, { applicationName, max: 1 });
  const clients = sources.map((pool) => new QueueClient(pool));
  let waiting = new Map<string, number>();
  let patternCount = 0;
  let lastLine = "";

  async function ask(): Promise<void> {
    const counts = new Map<string, number>();
    for (const queue of routes) {
      const metrics = await Promise.all(clients.map((client) => client.metrics(queue)));
      counts.set(
        queue,
        metrics.reduce((sum, { total }) => sum + total, 0),
      );
    }
    const { rows } = await central.query<{ count: string }>(
      "select count(*) as count from central.patterns",
    );
    waiting = counts;
    patternCount = Number(rows[0]?.count ?? 0);
  }

  function show(problem?: string): void {
    const queues = routes.map((queue) => ({
      queue,
      waiting: waiting.get(queue) ?? 0,
      ...totals.of(queue),
    }));
    const status: Status = { queues, patternCount, problem };
    screen.show(formatBlock(status));
    const line = formatLine(status);
    if (!screen.isLive && line !== lastLine) screen.print(line);
    lastLine = line;
  }

  return createRepeatingPart({
    name: "status",
    everyMs: screen.isLive ? everyMs.block : everyMs.line,
    async tick() {
      // Not a fault of this part: what a database does not answer is what there is to show.
      const problem = await ask().then(() => undefined, messageOf);
      show(problem);
    },
    onFault() {},
    async close() {
      screen.release();
      await Promise.all([...sources, central].map((pool) => pool.end()));
    },
  });
}
