import { formatSessionKey, type SessionKey } from "@centralcloud/session-keys";
import { Link } from "../proxy/link.ts";
import type { ChaosDatabase } from "../servers/chaos-database.ts";
import { consumerLogin, type Databases } from "../servers/prepare-databases.ts";
import { Replica } from "./replica.ts";

/** How the consumers are set up, beside where their databases are. */
export interface ConsumerSettings {
  readonly replicas: number;
  readonly visibilityTimeoutS: number;
  readonly maxAttempts: number;
  readonly maxDeliveries: number;
  readonly maxMessageBytes: number;
  readonly shutdownGraceS: number;
  readonly sessionKey: SessionKey;
}

export interface Replicas {
  readonly all: readonly [Replica, ...Replica[]];
  /** Kills what still runs, and closes the proxies. */
  remove(): Promise<void>;
}

/** Starts the consumers, each with links of its own to every server. */
export async function startReplicas(
  { central, sources }: Databases,
  settings: ConsumerSettings,
): Promise<Replicas> {
  const links: Link[] = [];
  const openLink = async ({ server }: ChaosDatabase) => {
    const link = new Link(() => server.port);
    links.push(link);
    await link.open();
    return link;
  };
  const all: Replica[] = [];
  for (let number = 1; number <= settings.replicas; number++) {
    const toCentral = await openLink(central);
    const toSources: Link[] = [];
    for (const { database } of sources) toSources.push(await openLink(database));
    const sourceUrls = sources.map(({ database }, index) => urlThrough(toSources[index], database));
    const replica = new Replica({
      name: `replica-${number}`,
      toCentral,
      toSources,
      environment: {
        ...environmentOf(settings),
        SOURCE_DATABASE_URLS: sourceUrls.join(" "),
        CENTRAL_DATABASE_URL: urlThrough(toCentral, central),
      },
    });
    replica.start();
    all.push(replica);
  }
  return {
    all: all as [Replica, ...Replica[]],
    async remove() {
      for (const replica of all) replica.retire();
      await Promise.all(all.map((replica) => replica.kill()));
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

function urlThrough(link: Link | undefined, { name }: ChaosDatabase): string {
  const { name: user, password } = consumerLogin;
  return `postgres://${user}:${password}@127.0.0.1:${link?.port}/${name}`;
}

function environmentOf(settings: ConsumerSettings): Record<string, string> {
  return {
    CONSUMER_VISIBILITY_TIMEOUT_S: String(settings.visibilityTimeoutS),
    CONSUMER_MAX_ATTEMPTS: String(settings.maxAttempts),
    CONSUMER_MAX_DELIVERIES: String(settings.maxDeliveries),
    CONSUMER_MAX_MESSAGE_BYTES: String(settings.maxMessageBytes),
    CONSUMER_SHUTDOWN_GRACE_S: String(settings.shutdownGraceS),
    CONSUMER_HTTP_PORT: "0",
    SESSION_PRIVATE_KEYS: formatSessionKey(settings.sessionKey),
    // The daily work of the lanes is in it, from which duplicates are counted.
    LOG_LEVEL: "debug",
  };
}
