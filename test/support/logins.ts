import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { harnessName, type TestDatabase, type TestSystem } from "./databases.ts";

/** A role that can log in. Roles belong to the server, so its name is unique. */
export interface Login {
  readonly name: string;
  /** The same database, as this login. */
  urlOf(url: string): string;
}

/**
 * Makes a login on a server; drop it with {@link dropLogin} when its databases are gone.
 *
 * @param attributes as in `create role`, such as `in role centralcloud_consumer`.
 */
export async function createLogin(serverUrl: string, attributes: string): Promise<Login> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await queryOnce(serverUrl, `create role ${name} login password '${password}' ${attributes}`);
  return {
    name,
    urlOf(url) {
      const changed = new URL(url);
      changed.username = name;
      changed.password = password;
      return changed.href;
    },
  };
}

export async function dropLogin(serverUrl: string, { name }: Login): Promise<void> {
  await queryOnce(serverUrl, `drop role ${name}`);
}

async function queryOnce(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: harnessName });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Both databases of a system, as one login sees them. */
export interface LoginSystem extends TestSystem {
  readonly login: Login;
}

/**
 * A login for each of these, a member of the role that is named (of none where it is undefined), for the
 * calling test file.
 */
export function useMembers<Name extends string>(
  system: TestSystem,
  roles: Readonly<Record<Name, string | undefined>>,
): Record<Name, LoginSystem> {
  const members = {} as Record<Name, LoginSystem>;
  const entries = Object.entries<string | undefined>(roles) as [Name, string | undefined][];
  beforeAll(async () => {
    for (const [name, role] of entries) {
      const membership = role === undefined ? "" : `in role ${role}`;
      const login = await createLogin(inject("serverUrl"), membership);
      const singularity = openAs(login, system.singularity);
      members[name] = { login, singularity, central: openAs(login, system.central) };
    }
  });
  afterAll(async () => {
    for (const { login, singularity, central } of Object.values<LoginSystem>(members)) {
      await singularity.pool.end();
      await central.pool.end();
      await dropLogin(inject("serverUrl"), login);
    }
  });
  return members;
}

/** A database as this login sees it; end its pool. */
export function openAs(login: Login, { name, url }: TestDatabase): TestDatabase {
  const connectionString = login.urlOf(url);
  const pool = new pg.Pool({
    connectionString,
    application_name: harnessName,
    max: 2,
    idleTimeoutMillis: 0,
  });
  // Dropping the database may overtake the farewell of a connection that is ending.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return { name, url: connectionString, pool };
}

/**
 * Tries a statement and takes it back.
 *
 * @returns `allowed`, `refused` where a right is missing, or the error.
 */
export async function attempt({ pool }: TestDatabase, statement: string): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query(statement);
    return "allowed";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === "42501" ? "refused" : message;
  } finally {
    await client.query("rollback");
    client.release();
  }
}
