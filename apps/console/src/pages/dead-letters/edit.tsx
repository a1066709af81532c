import { randomUUID } from "node:crypto";
import { jsonLines } from "@centralcloud/contracts";
import {
  type CheckResult,
  checkEdit,
  type DeadLetter,
  DeadLetterNotFoundError,
  EditRefusedError,
  judgeMessage,
  linesOfDeadLetter,
  replayDeadLetters,
} from "@centralcloud/dead-letters";
import { printableLines } from "@centralcloud/service";
import type { VNode } from "preact";
import { z } from "zod";
import { statementS, withCentral, withScope } from "../../acting/databases.ts";
import {
  DoneBeforeError,
  explainRecord,
  reason,
  recorded,
  requestOf,
} from "../../acting/record.ts";
import { GivenError, maybe, one, text as textField } from "../../routing/fields.ts";
import { hrefTo } from "../../routing/links.ts";
import {
  type ActContext,
  form,
  type Outcome,
  page,
  type ReadContext,
} from "../../routing/route.ts";
import { lookOf, titleOf } from "./dead-letter.tsx";
import { Editor, Invite, type InviteModel } from "./editor.tsx";
import { findDeadLetter } from "./find.ts";

const path = "/dead-letters/{source}/{queue}/{id}/edit";

/** In characters; a form takes no more, and messages that were refused for their size can be made smaller. */
const longest = 2_000_000;

/** The editor, still shut: it shows contents, which takes a reason. */
export const edit = page({
  path,
  right: "operate",
  section: "dead-letters",
  query: {},
  title: ({ deadLetter }: InviteModel) => `Edit ${titleOf(deadLetter).toLowerCase()}`,
  async read({ params, databases }): Promise<InviteModel> {
    const { deadLetter } = await findDeadLetter({ params, databases });
    return { deadLetter, lines: linesOfDeadLetter(deadLetter, false) };
  },
  page: ({ deadLetter, lines }) => <Invite deadLetter={deadLetter} lines={lines} />,
  command: ({ params: { source = "", queue = "", id = "" } }) => [
    ...["dlq", "edit", id, "--queue", queue],
    ...(source.startsWith("-") ? [`--source=${source}`] : ["--source", source]),
    ...["--reason", "…"],
  ],
});

const fields = {
  step: one(z.enum(["open", "check", "send"], "must be open, check or send")),
  reason,
  text: maybe(textField(longest)),
};

/** Opens the editor, checks what was changed, shows how it differs, and sends it. */
export const sendEdit = form({
  path,
  right: "operate",
  section: "dead-letters",
  query: {},
  form: fields,
  async act(context): Promise<Outcome> {
    const { viewer, form: given } = context;
    assertMayEdit(context);
    const { deadLetter, original } = await readOriginal(context);
    if (deadLetter.archived !== null || original === null) {
      const typed = { text: unixLines(given.text ?? ""), reason: given.reason };
      const problems = [whyNone(deadLetter)];
      if (given.text === undefined) throw new GivenError(problems);
      return show(
        409,
        deadLetter,
        <Editor deadLetter={deadLetter} typed={typed} problems={problems} />,
      );
    }
    await recordLook(context, deadLetter);
    const before = indented(original);
    if (given.step === "open") {
      const typed = { text: before, reason: given.reason };
      return show(200, deadLetter, <Editor deadLetter={deadLetter} typed={typed} />);
    }
    const after = unixLines(given.text ?? "");
    const typed = { text: after, reason: given.reason };
    const checked = await check(context, deadLetter, after);
    const isSame = after.trim() === before.trim();
    const problems = [
      ...checked.problems,
      ...(isSame ? ["the text is unchanged: replay the dead letter as it is instead"] : []),
    ];
    const compared = { deadLetter, typed, before, now: checked.now, problems };
    if (given.step === "check" || problems.length > 0) {
      return show(problems.length > 0 ? 422 : 200, deadLetter, <Editor {...compared} />);
    }
    try {
      const { runner, operator, databases, key } = context;
      const scope = { source: [deadLetter.sourceId], queue: [deadLetter.queue] };
      const begun = await runner.begin((work) =>
        withCentral(operator.centralUrl, { askS: statementS.central }, (central) =>
          withScope(operator.sourceUrls, scope, { askS: statementS.source }, (sources) =>
            replayDeadLetters(
              sources,
              { ids: [deadLetter.id] },
              {
                central,
                request: requestOf({ viewer, reason: given.reason, key }),
                judge: databases.judge,
                edit: after,
                ...work,
              },
            ),
          ),
        ),
      );
      if (begun.actionId !== null) {
        return { seeOther: hrefTo("/actions/{id}", { id: begun.actionId }, { shown: 1 }) };
      }
      const [earlier] = begun.settledBefore;
      const by = earlier?.actionId ?? "unknown";
      const gone = `somebody has replayed it meanwhile, by action ${by}: nothing was sent`;
      return show(409, deadLetter, <Editor {...compared} problems={[gone]} />);
    } catch (thrown) {
      const error = explainRecord(thrown);
      const isTold =
        error instanceof EditRefusedError ||
        error instanceof DeadLetterNotFoundError ||
        error instanceof DoneBeforeError;
      if (!isTold) throw error;
      return show(409, deadLetter, <Editor {...compared} problems={[error.message]} />);
    }
  },
  async refused(given, mistakes, context) {
    const { deadLetter } = await findDeadLetter(context);
    const title = `Edit ${titleOf(deadLetter).toLowerCase()}`;
    const [text] = given.get("text") ?? [];
    const [why = ""] = given.get("reason") ?? [];
    if (text === undefined) {
      const lines = linesOfDeadLetter(deadLetter, false);
      return { title, body: <Invite deadLetter={deadLetter} lines={lines} mistakes={mistakes} /> };
    }
    // What was typed is theirs; of the message itself nothing is shown.
    const typed = { text: unixLines(text), reason: why };
    return { title, body: <Editor deadLetter={deadLetter} typed={typed} mistakes={mistakes} /> };
  },
});

type EditContext = ActContext<{ readonly step: string; readonly reason: string }, unknown>;

function assertMayEdit({ viewer }: Pick<ReadContext<unknown>, "viewer">): void {
  if (viewer.rights.has("reveal")) return;
  throw new GivenError([
    "an editor shows the message, so it takes the right to reveal contents, too; `centralcloud dlq edit --from` takes a file",
  ]);
}

function show(status: number, deadLetter: DeadLetter, body: VNode): Outcome {
  return { status, title: `Edit ${titleOf(deadLetter).toLowerCase()}`, body };
}

function readOriginal({ params, databases }: Pick<EditContext, "params" | "databases">) {
  return findDeadLetter({ params, databases, longest });
}

/** Why there is nothing that an editor could be given. */
function whyNone({ id, archived }: DeadLetter): string {
  if (archived !== null) {
    const by = archived.actionId === null ? "" : `, by action ${archived.actionId}`;
    return `dead letter ${id} is in the archive already${by}`;
  }
  return `dead letter ${id} has no message, or a longer one than a form takes; \`centralcloud dlq edit\` takes one of any length`;
}

/**
 * Who opens an editor sees contents, and so does who has a text compared with the message: that is on record for each
 * opening, and again where the last one was of another session, or is a while ago.
 */
async function recordLook(context: EditContext, deadLetter: DeadLetter): Promise<void> {
  const { viewer, operator, looks, key, form: given } = context;
  const selection = lookOf(deadLetter);
  const look = JSON.stringify(selection);
  if (given.step !== "open" && looks.isOpen(look)) return;
  // What is sent at last is on record under the form's own key.
  const own = given.step === "open" ? key : randomUUID();
  await recorded({ viewer, operator, reason: given.reason, key: own, selection }, async () => {});
  looks.opened(look);
}

interface Checked {
  readonly now: CheckResult;
  readonly problems: readonly string[];
}

/** What PostgreSQL and the contract say of the changed message. */
async function check(
  { databases }: EditContext,
  deadLetter: DeadLetter,
  text: string,
): Promise<Checked> {
  const { sourceUrls, asking, judge } = databases;
  const { queue, sourceId, id } = deadLetter;
  const bytes = Buffer.byteLength(text);
  const now = await judgeMessage({ queue, source: { sourceId } }, { text, bytes }, judge);
  const options = { askS: asking.mostS, takeTurn: asking.takeTurn };
  try {
    await withScope(sourceUrls, { source: [sourceId], queue: [queue] }, options, (scope) =>
      checkEdit(scope, { ids: [id] }, text, judge),
    );
    return { now, problems: [] };
  } catch (error) {
    const isTold = error instanceof EditRefusedError || error instanceof DeadLetterNotFoundError;
    if (!isTold) throw error;
    return { now, problems: error.message.split("; ") };
  }
}

/** Browsers send the lines of a form with carriage returns. */
function unixLines(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

/** A message on several lines, every digit as PostgreSQL has it; what an editor would not show is escaped. */
export function indented(text: string): string {
  const lines = jsonLines(text).map(({ depth, tokens }) => {
    const words = tokens
      .filter(({ kind }) => kind !== "space")
      .map(({ kind, text: token }) => (kind === "punctuation" && token === ":" ? ": " : token));
    return `${"  ".repeat(depth)}${words.join("")}`;
  });
  return printableLines(`${lines.join("\n")}\n`);
}
