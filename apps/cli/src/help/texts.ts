import {
  both,
  type CommandHelp,
  capture,
  central,
  consumer,
  keyRing,
  log,
  looks,
  missing,
  page,
  sources,
} from "./command-help.ts";
import { deadLetterHelp } from "./dead-letter-texts.ts";

/** By the words of the command. A group needs no row: it shows what those below it do. */
export const commandHelp: Readonly<Record<string, CommandHelp>> = {
  ...deadLetterHelp,
  "": {
    examples: [
      ["migrate", "brings the databases up to date"],
      ["queues", "what waits in each queue of each source"],
      ["dlq groups", "dead letters, counted by cause"],
      ["doctor", "what is wrong, and what to do about it"],
      ["help dlq replay", "the help of a command"],
    ],
    environment: both,
    page: "docs/README.md",
  },
  migrate: {
    examples: [
      ["migrate --dry-run", "says what would be done; changes nothing"],
      ["migrate", "does it"],
      ["migrate --only singularity", "the sources alone"],
    ],
    environment: [...both, "LOG_LEVEL"],
    codes: { 1: "failed; with --dry-run: something would be changed" },
    page: page("upgrade"),
    interrupted:
      "each database was changed completely or not at all; give the command again to do the others",
  },
  consume: {
    examples: [["consume", "runs the service; SIGTERM or Ctrl-C stops it in order"]],
    environment: consumer,
    codes: { 3: "" },
    page: page("settings"),
  },
  console: {
    examples: [["console", "runs the console, and prints the link to open"]],
    environment: [
      ...both,
      "CONSOLE_PORT",
      "CONSOLE_ADDRESS",
      "CONSOLE_AUTH",
      "CONSOLE_PUBLIC_URL",
      "CONSOLE_ENVIRONMENT",
      "CONSOLE_READ_ONLY",
      "CONSOLE_OPERATOR_SOURCE_DATABASE_URLS",
      "CONSOLE_OPERATOR_CENTRAL_DATABASE_URL",
      "CONSOLE_TOKENS",
      ...log,
    ],
    codes: { 3: "" },
    page: "docs/operate/console.md",
  },
  drain: {
    examples: [
      ["drain", "consumes until every queue is empty"],
      ["drain --timeout 10m", "gives up after ten minutes, with exit code 1"],
    ],
    environment: consumer,
    codes: { 1: "failed, or the queues were not empty in time" },
    page: page("stopping"),
    interrupted:
      "what is in flight is finished or goes back to its queue; give the command again to continue",
  },
  scheduler: {
    examples: [["scheduler", "runs the jobs of sources that have no pg_cron, until it is stopped"]],
    environment: [
      ...sources,
      "SCHEDULER_HTTP_PORT",
      "SCHEDULER_HTTP_ADDRESS",
      "CONSUMER_SHUTDOWN_GRACE_S",
      ...log,
    ],
    codes: { 3: "" },
    page: page("jobs"),
  },
  "sources list": {
    examples: [["sources list", "every source that is configured or known, with its state"]],
    environment: both,
    codes: { 3: missing },
    page: page("sources"),
    interrupted: looks,
  },
  "sources adopt": {
    examples: [
      [
        'sources adopt --source db2:5432/singularity --reason "moved to a new server"',
        "from now on this database is the source with that id",
      ],
    ],
    environment: both,
    page: page("sources"),
    interrupted: "the decision is written in one transaction; see `centralcloud sources list`",
  },
  "sources renew": {
    examples: [
      [
        'sources renew --source db2:5432/copy --cloned-at 2h --reason "a copy for tests"',
        "this copy gets an id of its own",
      ],
    ],
    environment: both,
    page: page("sources"),
    interrupted: "give the command again: it continues, or says that it was done",
  },
  queues: {
    examples: [
      ["queues", "what waits, what is being worked on, and how many dead letters there are"],
      ["queues --watch", "the same every two seconds, with rates, until Ctrl-C"],
      ["queues --source eu-1 --json", "of one source, as JSON"],
    ],
    environment: sources,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "queues peek": {
    examples: [
      ["queues peek agent-sessions --limit 5", "the next five messages, without taking them"],
      ["queues peek centralcloud-new-patterns --bodies", "with contents, masked"],
    ],
    environment: sources,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "queues rates": {
    examples: [
      [
        "queues rates",
        "what was merged in the last hour, every five minutes, and how long it took",
      ],
      ["queues rates --for 1d --every 1h --queue agent-sessions", "of one queue, of a day"],
    ],
    environment: sources,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "queues failures": {
    examples: [
      ["queues failures --source eu-1", "attempts that failed, of messages not decided yet"],
    ],
    environment: central,
    page: page("dead-letters"),
    interrupted: looks,
  },
  consumers: {
    examples: [
      ["consumers", "the replicas: their lanes, their faults and the keys that they hold"],
    ],
    environment: central,
    page: page("dead-letters"),
    interrupted: looks,
  },
  jobs: {
    examples: [
      ["jobs", "when each job last ran, and whether it succeeded"],
      ["jobs run update-knowledge-hourly --source eu-1", "runs one now"],
    ],
    environment: sources,
    codes: { 3: missing },
    page: page("jobs"),
    interrupted: looks,
  },
  "jobs run": {
    examples: [
      ["jobs run update-knowledge-hourly --source eu-1", "runs it, and waits for its end"],
    ],
    environment: both,
    codes: { 1: "the job failed, or is running already" },
    page: page("jobs"),
    interrupted: "the server may finish the job; see `centralcloud jobs` before you run it again",
  },
  "jobs runs": {
    examples: [
      ["jobs runs --status failed", "runs that failed, newest first"],
      ["jobs runs --job update-knowledge-hourly --source eu-1", "of one job at one source"],
    ],
    environment: sources,
    codes: { 3: missing },
    page: page("jobs"),
    interrupted: looks,
  },
  "keys generate": {
    examples: [
      ["keys generate --key-id 2026-11 --out key.json", "a new key, in a file of its own"],
    ],
    environment: sources,
    page: page("session-keys"),
    interrupted: "no key was written, or all of it",
  },
  "keys add-to-ring": {
    examples: [
      ["keys add-to-ring --from key.json --ring keyring.json", "adds it to a consumer's key ring"],
      ["keys add-to-ring --from - --ring keyring.json", "reads the key from standard input"],
    ],
    environment: ["SESSION_PRIVATE_KEYS_FILE"],
    codes: { 3: "" },
    page: page("session-keys"),
    interrupted: "the key ring is as it was, or has all of the keys",
  },
  "keys add": {
    examples: [
      ["keys add --from key.json --activate", "the sources seal sessions with it from now on"],
      ["keys add --from - < key.json", "reads the key from standard input"],
    ],
    environment: both,
    page: page("session-keys"),
    interrupted: "some sources may know the key already; give the command again",
  },
  "keys ensure": {
    examples: [
      ["keys ensure --from keyring.json", "for start scripts: may run any number of times"],
    ],
    environment: sources,
    page: page("session-keys"),
    interrupted: "some sources may know the key already; give the command again",
  },
  "keys bind": {
    examples: [["keys bind", "once every consumer has been upgraded"]],
    environment: both,
    page: page("upgrade"),
    interrupted: "some sources may do so already; give the command again",
  },
  "keys list": {
    examples: [["keys list", "which source knows which keys, and which consumer lacks one"]],
    environment: [...both, ...keyRing],
    codes: { 3: missing },
    page: page("session-keys"),
    interrupted: looks,
  },
  "sessions list": {
    examples: [["sessions list", "the sessions of the central store, without their states"]],
    environment: central,
    page: page("session-keys"),
    interrupted: looks,
  },
  "sessions show": {
    examples: [["sessions show 7c0f2a --source eu-1", "a session with its state opened"]],
    environment: [...central, ...keyRing],
    page: page("session-keys"),
    interrupted: looks,
  },
  "cdc status": {
    examples: [["cdc status", "how far the capture of each source is"]],
    environment: [...both, ...capture],
    codes: { 1: "failed, or changes are lost, stuck or not captured", 3: missing },
    page: page("change-capture"),
    interrupted: looks,
  },
  "cdc peek": {
    examples: [
      ["cdc peek --table agents --limit 10", "changes that are not in the change log yet"],
    ],
    environment: [...both, ...capture],
    codes: { 3: missing },
    page: page("change-capture"),
    interrupted: looks,
  },
  "cdc tail": {
    examples: [
      ["cdc tail --agent agent-7", "what changes from now on, until Ctrl-C; contents are masked"],
    ],
    environment: [...both, ...capture],
    page: page("change-capture"),
  },
  "cdc log": {
    examples: [
      ["cdc log --agent agent-7 --from 2h", "what has changed in the last two hours"],
      [
        'cdc log --session 7c0f2a --reveal --reason "ticket 4711"',
        "with old and new values whole, on record",
      ],
    ],
    environment: [...central, "CDC_TABLES"],
    page: page("change-capture"),
    interrupted: looks,
  },
  "cdc run": {
    examples: [["cdc run", "captures the changes of every source, until it is stopped"]],
    environment: [...both, ...capture, "CONSUMER_SHUTDOWN_GRACE_S", ...log],
    codes: { 3: "" },
    page: page("change-capture"),
  },
  "cdc recreate": {
    examples: [
      [
        'cdc recreate --source eu-1 --reason "slot lost"',
        "a new slot, a mark of the gap, a snapshot",
      ],
    ],
    environment: [...both, ...capture],
    page: page("change-capture"),
    interrupted:
      "see `centralcloud cdc status`; give the command again where the slot is still lost",
  },
  "cdc drop": {
    examples: [
      [
        'cdc drop --source eu-1 --reason "not needed any more"',
        "ends it, and keeps the change log",
      ],
    ],
    environment: [...both, ...capture],
    page: page("change-capture"),
    interrupted:
      "see `centralcloud cdc status`; give the command again where the slot is still there",
  },
  reconcile: {
    examples: [["reconcile --since 1d", "compares what happened in the last day"]],
    environment: [...both, ...capture],
    codes: { 1: "failed, or one lacks something that the other has", 3: missing },
    page: page("change-capture"),
    interrupted: looks,
  },
  doctor: {
    examples: [
      ["doctor", "what is wrong, the worst first, and what to do about it"],
      ["doctor --all --source eu-1", "what is well at one source, too"],
      ["doctor --check vacuum --json", "one check, as JSON"],
    ],
    environment: [...both, "CONSUMER_CONCURRENCY", ...capture],
    codes: { 1: "failed, or there is an error" },
    page: page("doctor"),
    interrupted: "with --fix, repairs that were done stay done; give the command again",
  },
  trace: {
    examples: [
      ["trace --agent agent-7 --at 14:02", "What happened to agent-7's session around 14:02?"],
      [
        "trace --message 4711 --source eu-1",
        "What became of the message that the log calls msgId 4711, at source eu-1?",
      ],
      [
        "trace --session 0b3c6f0e-5b1e-4d43-8a44-0f5e7c7d1a01 --from 08:00",
        "Who changed this session since this morning, and into what?",
      ],
    ],
    environment: both,
    codes: { 3: missing },
    page: page("trace"),
    interrupted: looks,
  },
  completion: {
    examples: [
      ["completion bash > ~/.local/share/bash-completion/completions/centralcloud", "for bash"],
      ["completion zsh > ~/.zfunc/_centralcloud", "for zsh, where ~/.zfunc is in fpath"],
      ["completion fish > ~/.config/fish/completions/centralcloud.fish", "for fish"],
    ],
    environment: [],
    codes: { 1: "", 3: "" },
    page: page("command-line"),
    interrupted: looks,
  },
};
