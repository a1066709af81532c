const src = "packages/scheduler/src";

export default [
  {
    name: "leader-lets-go-while-its-runs-go-on",
    in: src,
    search: "await runs.idle();",
    replace: "",
    wrong: "two schedulers run the same job at once, when one is stopped",
    tests: ["test:races/leaders a leader that stops"],
  },
  {
    name: "frozen-leader-is-never-dropped",
    in: src,
    search: 'sessionFor: "the scheduler", silenceMs,',
    replace: 'sessionFor: "the scheduler", ...(silenceMs > 0 ? {} : { silenceMs }),',
    wrong: "a source's jobs never run again after the host of the leader froze",
    tests: ["test:races/leaders"],
  },
  {
    name: "due-since-it-was-declared",
    in: src,
    search: "nextDue(schedules[job] ?? schedule, lastStartedAt ?? declaredAt)",
    replace:
      "nextDue(schedules[job] ?? schedule, lastStartedAt === null ? declaredAt : declaredAt)",
    wrong: "a job runs every second once it has been due",
    tests: ["@centralcloud/scheduler:due-jobs"],
  },
  {
    name: "replaced-schedules-are-ignored",
    in: src,
    search: "nextDue(schedules[job] ?? schedule,",
    replace: 'nextDue(schedules[job] === "" ? "" : schedule,',
    wrong: "npm start learns every five minutes",
    tests: ["@centralcloud/scheduler:due-jobs"],
  },
  {
    name: "pg-cron-has-no-timeout",
    in: src,
    search: "if (lateMs < (isPgCrons ? pgCronTimeoutMs : 0)) return [];",
    replace: "if (lateMs < 0) return [];",
    wrong: "each job of pg_cron runs twice where a scheduler stands by",
    tests: ["@centralcloud/scheduler:due-jobs"],
  },
  {
    name: "pg-cron-by-its-list-only",
    in: src,
    search: 'const isPgCrons = ofPgCron.has(job) || lastStartedBy === "pg_cron";',
    replace: 'const isPgCrons = ofPgCron.has(job) || lastStartedBy === "nobody";',
    wrong: "jobs run twice where the list of pg_cron can't be read",
    tests: ["@centralcloud/scheduler:due-jobs"],
  },
  {
    name: "job-overlaps-itself",
    in: src,
    search: "if (stopping.signal.aborted || running.has(job) ||",
    replace: "if (stopping.signal.aborted ||",
    wrong:
      "a job that takes longer than its interval is started once more each second, to be skipped",
    tests: ["test:singularity/scheduler a job that takes longer", "test:singularity/scheduler"],
  },
  {
    name: "no-rest-after-a-job-fault",
    in: src,
    search: "heldOffUntil.set(job, now + holdOffMs);",
    replace: "heldOffUntil.set(job, now - holdOffMs);",
    wrong: "a source that refuses connections is asked for one each second by each job",
    tests: ["test:singularity/scheduler"],
  },
  {
    name: "two-leaders",
    in: src,
    search: 'const other = await holdLock(client, "lead schedules");',
    replace:
      'await holdLock(client, "lead schedules");\n      const other = (await Promise.resolve(undefined)) as Awaited<ReturnType<typeof holdLock>> | undefined;',
    wrong: "every scheduler runs every job",
    tests: ["test:singularity/scheduler of two"],
  },
];
