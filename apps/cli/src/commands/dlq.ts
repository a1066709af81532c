import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { bodyCommand } from "./dlq/body.ts";
import { countCommand } from "./dlq/count.ts";
import { discardCommand } from "./dlq/discard.ts";
import { editCommand } from "./dlq/edit.ts";
import { exportCommand } from "./dlq/export.ts";
import { groupsCommand } from "./dlq/groups.ts";
import { importCommand } from "./dlq/import.ts";
import { listCommand } from "./dlq/list.ts";
import { replayCommand } from "./dlq/replay.ts";
import { replayArchiveCommand } from "./dlq/replay-archive.ts";
import { restoreCommand } from "./dlq/restore.ts";
import { showCommand } from "./dlq/show.ts";

export function dlqCommand(environment: Environment): Command {
  return new Command("dlq")
    .description("dead letters: messages that could not be merged, and why")
    .addCommand(listCommand(environment))
    .addCommand(countCommand(environment))
    .addCommand(groupsCommand(environment))
    .addCommand(showCommand(environment))
    .addCommand(bodyCommand(environment))
    .addCommand(editCommand(environment))
    .addCommand(replayCommand(environment))
    .addCommand(discardCommand(environment))
    .addCommand(restoreCommand(environment))
    .addCommand(exportCommand(environment))
    .addCommand(importCommand(environment))
    .addCommand(replayArchiveCommand(environment));
}
