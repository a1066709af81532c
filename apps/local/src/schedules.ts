/** Production takes its time; whoever looks at a demonstration does not. Fields of cron, the first one of seconds. */
export const schedules: Readonly<Record<string, string>> = {
  "learn-patterns-every-5min": "*/5 * * * * *",
  "update-knowledge-hourly": "*/15 * * * * *",
};

/** As the environment file has them, for `centralcloud jobs`. */
export function formatSchedules(): string {
  return Object.entries(schedules)
    .map(([job, schedule]) => `${job}=${schedule}`)
    .join("; ");
}
