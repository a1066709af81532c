import { EndingClient } from "@centralcloud/postgres";
import { afterAll, beforeAll } from "vitest";

/** A session that was opened in this process, as whoever asked for it found it. */
export interface SeenSession {
  readonly applicationName: string;
  readonly isReplication: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/** Looks at every connection that the packages open while the calling file's tests run, before anybody else uses it. */
export function useSeenSessions(settings: readonly string[]): SeenSession[] {
  const seen: SeenSession[] = [];
  const { connect } = EndingClient.prototype;
  const columns = settings.map((name) => `current_setting('${name}') as "${name}"`);
  const statement = `select current_setting('application_name') as application_name, ${columns.join(", ")}`;

  async function look(client: EndingClient): Promise<EndingClient> {
    await Reflect.apply(connect, client, []);
    const { rows } = await client.query<Record<string, string>>(statement);
    const { application_name = "", ...found } = rows[0] ?? {};
    const { replication } = client as { replication?: string };
    seen.push({
      applicationName: application_name,
      isReplication: replication === "database",
      settings: found,
    });
    return client;
  }

  beforeAll(() => {
    EndingClient.prototype.connect = function (
      this: EndingClient,
      done?: (error: Error | null, client?: EndingClient) => void,
    ) {
      const looked = look(this);
      if (done === undefined) return looked;
      looked.then((client) => done(null, client), done);
      return undefined;
    } as typeof connect;
  });
  afterAll(() => {
    EndingClient.prototype.connect = connect;
  });
  return seen;
}
