import { routes } from "@centralcloud/consumer";
import { createScheduler } from "@centralcloud/scheduler";
import { definePart, groupParts, logSink, type Part } from "@centralcloud/service";
import type { SessionKey } from "@centralcloud/session-keys";
import { announce } from "./announce.ts";
import type { DatabaseUrls, LocalConfiguration } from "./configuration.ts";
import { createLocalConsumer } from "./consumer-service.ts";
import { messageOf } from "./failure.ts";
import { formatGuide } from "./guide.ts";
import { createLocalConsole } from "./local-console.ts";
import type { Logger } from "./log-file.ts";
import { events } from "./observation.ts";
import { schedules } from "./schedules.ts";
import type { Screen } from "./screen.ts";
import { createStatus } from "./status.ts";
import { createTotals } from "./totals.ts";
import { createWorkload } from "./workload.ts";
import { agentIds } from "./workload-messages.ts";

export interface ServicesOptions {
  readonly configuration: LocalConfiguration;
  readonly demo: boolean;
  readonly screen: Screen;
  readonly urls: DatabaseUrls;
  readonly sessionKeys: readonly SessionKey[];
  readonly logger: Logger;
}

/** What runs on the databases; started in this order, stopped in the reverse one. */
export function createServices(options: ServicesOptions): Part {
  const { configuration, demo, screen, urls, sessionKeys, logger } = options;
  const totals = createTotals();
  const consumer = createLocalConsumer({
    configuration: { ...configuration.consumer, ...urls, sessionKeys },
    anyPort: !configuration.httpPortIsGiven,
    logger,
    observe: totals.observe,
  });

  const { environment } = configuration;
  const webConsole = createLocalConsole({ urls, environment, logger, screen });
  const { sourceUrls } = urls;
  const scheduler = createScheduler({ sourceUrls, schedules }, logSink(logger, events));
  const warn = (error: unknown) =>
    logger.warn({ part: "workload", error: messageOf(error) }, "tick-failed");
  // One part for each source, so that a source that is down delays no other.
  const workload = groupParts(
    "workload",
    sourceUrls.map((url) => createWorkload(url, warn)),
  );
  const guide = definePart({
    name: "guide",
    async start() {
      const { httpPort } = consumer;
      const showsUrls = configuration.given === undefined;
      screen.print(formatGuide({ urls, showsUrls, httpPort, consoleLink: webConsole.link }));
    },
    async stop() {},
  });

  return groupParts("services", [
    createStatus(urls, totals, screen),
    announce(screen, "consumer", consumer, () => {
      const isElsewhere = consumer.httpPort !== configuration.consumer.httpPort;
      const why = `, because port ${configuration.consumer.httpPort} is taken`;
      const health = `http://localhost:${consumer.httpPort}/readyz`;
      return [
        `${routes.length} queues of ${plural(sourceUrls.length, "database")}, log in .data/consumer.log`,
        `health on ${health}${isElsewhere && !configuration.httpPortIsGiven ? why : ""}`,
      ];
    }),
    announce(screen, "scheduler", scheduler, () => [
      `the jobs of ${plural(sourceUrls.length, "database")}, learning every 5 s`,
    ]),
    ...(demo ? [announce(screen, "workload", workload, describeWorkload)] : []),
    announce(screen, "console", webConsole, () => [
      `on ${new URL(webConsole.link).origin}; the link below signs you in, once`,
    ]),
    guide,
  ]);
}

function describeWorkload(): readonly string[] {
  return [
    `${agentIds.length} simulated agents write into each source; npm start -- --no-demo leaves them out`,
  ];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
