/** The tools wait in the same way; nothing of theirs imports a test. */
export { until } from "../../tools/support/until.ts";
