import {
  because,
  both,
  type CommandHelp,
  central,
  contract,
  durable,
  log,
  looks,
  missing,
  page,
  sources,
} from "./command-help.ts";

/** One command in two places. */
const replayArchive: CommandHelp = {
  examples: [
    ["replay-archive --from 2026-01-31T12:00:00Z --dry-run", "counts them; changes nothing"],
    [
      'replay-archive --from 2h --to 1h --reason "the store was restored"',
      "moves the archived messages of an hour back to their queues",
    ],
  ],
  environment: both,
  page: page("central-store", "rebuilding-the-central-store"),
  interrupted: durable("replay-archive"),
};

/** The commands on dead letters, and on what operators do to them. */
export const deadLetterHelp: Readonly<Record<string, CommandHelp>> = {
  "dlq list": {
    examples: [
      ["dlq list --since 1h", "those of the last hour, newest first"],
      ["dlq list --queue agent-sessions --since 2h", "of one queue, of the last two hours"],
      ["dlq list --path '$.confidence > 1' --json", "by what the message holds, as JSON"],
    ],
    environment: [...sources, ...contract],
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "dlq groups": {
    examples: [
      ["dlq groups", "counted by cause, and whether they would be accepted now"],
      ["dlq groups --since 1d --json", "of the last day, as JSON"],
    ],
    environment: [...sources, ...contract],
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "dlq count": {
    examples: [
      ["dlq count --dead-letter-reason rejected", "how many each queue of each source has"],
    ],
    environment: sources,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "dlq body": {
    examples: [
      [
        'dlq body 12 --queue agent-sessions --reveal --reason "ticket 4711"',
        "the JSON text, whole",
      ],
    ],
    environment: both,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "dlq show": {
    examples: [
      ["dlq show 12 --queue agent-sessions", "the dead letter 12 of a queue"],
      ["dlq show --message-id 51", "that of the message which the log calls msgId 51"],
      ['dlq show 12 --reveal --reason "ticket 4711"', "with its contents, which is recorded"],
    ],
    environment: [...both, ...contract],
    page: page("dead-letters"),
    interrupted: looks,
  },
  "dlq edit": {
    examples: [
      [
        'dlq edit 12 --queue agent-sessions --reason "wrong date"',
        "opens the message in an editor, shows what you changed, and asks before it is sent",
      ],
      [
        'dlq edit 12 --from changed.json --yes --reason "wrong date"',
        "sends the message in a file, without a question; - is standard input",
      ],
    ],
    environment: [...both, ...contract, "VISUAL", "EDITOR"],
    codes: {
      1: "failed, or nothing was sent: the text is unchanged, the editor failed, or you said no",
      2: "wrong usage or configuration, or the contract refuses the changed message",
    },
    page: page("dead-letters"),
    interrupted:
      "before it is sent, nothing was changed but the record of who looked; see `centralcloud actions list`",
  },
  "dlq replay": {
    examples: [
      ["dlq replay --code out_of_range --dry-run", "what it would do; changes nothing"],
      [`dlq replay --code out_of_range --rate 50 ${because}`, "at most 50 messages a second"],
      [
        `dlq replay --queue agent-sessions --canary ${because}`,
        "ten first, and the rest once each of them was merged",
      ],
    ],
    environment: [...both, ...contract],
    page: page("dead-letters"),
    interrupted: durable("dlq replay"),
  },
  "dlq discard": {
    examples: [
      [
        'dlq discard --until 2026-01-31 --dead-letter-reason too-large --reason "a runaway test"',
        "archives them; `dlq restore` brings them back",
      ],
    ],
    environment: [...both, ...contract],
    page: page("dead-letters"),
    interrupted: durable("dlq discard"),
  },
  "dlq restore": {
    examples: [
      ['dlq restore --action 12 --reason "the wrong queue"', "undoes the discard of action 12"],
    ],
    environment: both,
    page: page("dead-letters"),
    interrupted: durable("dlq restore"),
  },
  "dlq export": {
    examples: [
      ["dlq export --out dead-letters.jsonl", "to a new file that only you may read"],
      [
        'dlq export --queue agent-sessions --reason "ticket 4711" | gzip > dead-letters.gz',
        "to another program, with why on record",
      ],
    ],
    environment: both,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: "nothing was changed, and no half file is left; give the command again",
  },
  "dlq import": {
    examples: [
      ['dlq import dead-letters.jsonl --reason "discarded by mistake"', "puts them back"],
      ['dlq import - --reason "discarded by mistake"', "from standard input"],
    ],
    environment: both,
    page: page("dead-letters"),
    interrupted:
      "give the same command again to continue: what was put back stays, and nothing is put back twice",
  },
  "actions list": {
    examples: [["actions list --state running", "what is at work now"]],
    environment: central,
    page: page("dead-letters"),
    interrupted: looks,
  },
  "actions show": {
    examples: [["actions show 12", "its figures, who did it, and what became of what it sent"]],
    environment: both,
    codes: { 3: missing },
    page: page("dead-letters"),
    interrupted: looks,
  },
  "actions pause": {
    examples: [["actions pause 12", "it moves nothing more until it is resumed"]],
    environment: central,
    page: page("dead-letters"),
    interrupted: "see `centralcloud actions show` whether it is paused",
  },
  "actions resume": {
    examples: [
      ["actions resume 12", "continues it here, unless its process is alive"],
      ["actions resume", "continues every action whose process is gone"],
      [
        "actions resume 14 --from dead-letters.jsonl",
        "continues an import behind its last line, or an edit with the changed message",
      ],
    ],
    environment: [...both, ...contract],
    page: page("dead-letters"),
    interrupted: "the action is paused in order; `centralcloud actions resume` continues it",
  },
  "actions work": {
    examples: [
      ["actions work", "continues actions whose process was killed, until Ctrl-C or SIGTERM"],
    ],
    environment: [...both, "CONSUMER_SHUTDOWN_GRACE_S", ...log],
    codes: { 3: "" },
    page: page("dead-letters"),
  },
  "actions cancel": {
    examples: [["actions cancel 12", "ends it; what it moved stays moved"]],
    environment: both,
    page: page("dead-letters"),
    interrupted: "see `centralcloud actions show` whether it is cancelled",
  },
  "actions rate": {
    examples: [
      ["actions rate 12 50", "at most 50 messages a second"],
      ["actions rate 12 none", "as fast as it can"],
    ],
    environment: central,
    page: page("dead-letters"),
    interrupted: "see `centralcloud actions show` for its rate",
  },
  "dlq replay-archive": replayArchive,
  "replay-archive": replayArchive,
};
