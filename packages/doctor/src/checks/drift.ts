import {
  areOfThisBuild,
  type Difference,
  describeDifference,
  describeRights,
  findDrift,
  landedNameOf,
  queueOfObject,
  type RightsDifference,
} from "@centralcloud/db";
import type { Side } from "@centralcloud/postgres";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, runStatement, warning } from "../finding.ts";

const asMade = ok("it has everything of ours, as it was made");

/** Whether the database still is what `migrate` made of it. */
export async function checkDrift(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, side } = database;
  // What another build made is for the check of the migrations.
  if (!areOfThisBuild(side, await database.records())) return [];
  if ((await database.state())?.isKnown) return [asMade];
  const { differences, rights } = await findDrift(side, client);
  const checkResults = [
    ...differences.map((difference) => checkResultOf(side, difference)),
    ...rights.map((difference) => checkResultOfRights(side, difference)),
  ];
  return checkResults.length > 0 ? checkResults : [asMade];
}

function checkResultOf(side: Side, difference: Difference): CheckResult {
  const message = describeDifference(difference);
  const queue = madeByCreateQueue(difference) ? queueOfObject(difference.object) : undefined;
  if (queue === undefined) {
    const checkResult = difference.property?.startsWith("option ") === true ? warning : error;
    return checkResult(message, `centralcloud migrate --only ${landedNameOf(side)}`);
  }
  const statement = `select public.create_queue('${queue}')`;
  return error(message, statement, runStatement(statement));
}

/** Whether making the queue once more repairs it, too: the doctor does that itself where it is asked to. */
function madeByCreateQueue({ property, expected }: Difference): boolean {
  if (property === undefined) return true;
  return (
    expected !== undefined && /^(option|grants to centralcloud_|trigger|registered)/.test(property)
  );
}

function checkResultOfRights(side: Side, difference: RightsDifference): CheckResult {
  const remedy = `centralcloud migrate --only ${landedNameOf(side)}; or as who may: ${difference.statements.join("; ")}`;
  const isForCapture = difference.object.startsWith("database ") && difference.extra.length === 0;
  return (isForCapture ? warning : error)(describeRights(difference), remedy);
}
