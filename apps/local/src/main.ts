import "@centralcloud/service/fit-address-space";
import { cutAllConnections } from "@centralcloud/postgres";
import {
  assertAddressSpace,
  boundLookups,
  endWithin,
  letReadersGo,
  runUntilSignal,
  stopSignals,
} from "@centralcloud/service";
import { parseArguments, usage } from "./arguments.ts";
import { readLocalConfiguration } from "./configuration.ts";
import { dataFolder } from "./data-folder.ts";
import { describeFailure } from "./failure.ts";
import { createLocalSystem, serverStopS } from "./local-system.ts";
import { createScreen } from "./screen.ts";

/* `npm start`, after it has installed and built. */
try {
  // Whoever watched has gone, so it stops as for Ctrl-C: nobody would know that it runs.
  letReadersGo(() => process.kill(process.pid, "SIGTERM"));
  boundLookups();
  assertAddressSpace();
  const words = parseArguments(process.argv.slice(2));
  if (words.help) console.log(usage);
  else await run(words);
} catch (error) {
  const { sentence, exitCode } = describeFailure(error);
  console.error(sentence);
  process.exitCode = exitCode;
}
endWithin();

async function run(words: { readonly demo: boolean; readonly fresh: boolean }): Promise<void> {
  const configuration = readLocalConfiguration(process.env, words);
  const screen = createScreen(process.stdout);
  screen.print("\nCentralCloud on this machine\n");
  const giveUp = () => {
    process.exitCode = 1;
    process.kill(process.pid, "SIGTERM");
  };
  const system = createLocalSystem({ configuration, ...words, folder: dataFolder, screen, giveUp });
  const { shutdownGraceS } = configuration.consumer;
  const running = runUntilSignal(system, {
    graceS: shutdownGraceS + serverStopS,
    cutConnections: cutAllConnections,
    observe(observation) {
      system.observe(observation);
      if (observation.event === "stop-requested") screen.print("Stopping…");
      if (observation.event === "stop-overdue") {
        screen.print(`Ended by force; still open: ${observation.open.join(", ")}`);
      }
    },
  });
  // One Ctrl-C may arrive twice, from the terminal and from npm: the second time even after the stop,
  // when nobody listens any more and it would become the exit code.
  for (const signal of stopSignals) process.on(signal, () => {});
  await running;
  const place = configuration.given === undefined ? ".data/" : "your databases";
  screen.print(`Stopped; your data ${configuration.given ? "stay" : "stays"} in ${place}`);
}
