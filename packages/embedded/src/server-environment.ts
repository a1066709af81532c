/**
 * All that PostgreSQL's programs get to see of our environment. The rest would only change what
 * they do (PG*, LC_*, LD_LIBRARY_PATH) or show secrets to every function in the server.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP } = process.env;
  return {
    LC_ALL: "C",
    TZ: "UTC",
    PATH: PATH ?? "/usr/bin:/bin",
    ...(SystemRoot === undefined ? {} : { SystemRoot }),
    ...(TEMP === undefined ? {} : { TEMP }),
  };
}
