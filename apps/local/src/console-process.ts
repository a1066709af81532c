import "@centralcloud/service/fit-address-space";
import {
  type ConsoleObservation,
  ConsolePortTakenError,
  createConsole,
  readConsoleConfiguration,
} from "@centralcloud/console";
import {
  boundLookups,
  endOnCrash,
  endWithin,
  observationWithoutContents,
} from "@centralcloud/service";
import { messageOf } from "./failure.ts";

/*
 * The console of `npm start`: a process of its own, because that of the consumer holds private keys. It tells its parent
 * the link to open and what happens, and ends with it.
 */

/** What the parent is told. */
export type ConsoleMessage =
  | { readonly link: string }
  | { readonly observation: ConsoleObservation }
  | { readonly failure: string };

endOnCrash();
boundLookups();

const tell = (message: ConsoleMessage) => void process.send?.(message);
let isLinkTold = false;
const showLink = (link: string) => {
  isLinkTold = true;
  tell({ link });
};
const anyPort = process.argv.includes("--any-port");

function create(port: number | undefined) {
  const configuration = readConsoleConfiguration(process.env);
  return createConsole(port === undefined ? configuration : { ...configuration, port }, {
    observe: (observation) => tell({ observation: observationWithoutContents(observation) }),
    showLink,
  });
}

async function start() {
  const own = create(undefined);
  try {
    await own.start();
    return own;
  } catch (error) {
    if (!(error instanceof ConsolePortTakenError && anyPort)) throw error;
    const other = create(0);
    await other.start();
    return other;
  }
}

// Ctrl-C reaches this process, too; its parent says when it is time.
for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => {});
const asked = new Promise<void>((resolve) => {
  process.once("SIGTERM", () => resolve());
  process.once("disconnect", () => resolve());
});
try {
  const running = await start();
  // Where people sign in by other ways, there is no link but its address.
  if (!isLinkTold) showLink(running.url);
  await asked;
  await running.stop(1_000);
} catch (error) {
  tell({ failure: messageOf(error) });
  process.exitCode = 1;
}
process.disconnect?.();
endWithin();
