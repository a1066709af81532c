import { runUntilSignal } from "@centralcloud/consumer";
import { parseArguments, usage } from "./arguments.ts";
import { readLocalConfiguration } from "./configuration.ts";
import { dataFolder } from "./data-folder.ts";
import { describeFailure } from "./failure.ts";
import { createLocalSystem } from "./local-system.ts";
import { createScreen } from "./screen.ts";

/** Longer than anything here takes to end by itself once everything has been stopped. */
const lingerMs = 1_000;

/* `npm start`, after it has installed and built. */
try {
  const words = parseArguments(process.argv.slice(2));
  if (words.help) console.log(usage);
  else await run(words);
} catch (error) {
  const { sentence, exitCode } = describeFailure(error);
  console.error(sentence);
  process.exitCode = exitCode;
}
// A connection to a database that no longer answers must not keep the terminal.
setTimeout(() => process.exit(), lingerMs).unref();

async function run(words: { readonly demo: boolean; readonly fresh: boolean }): Promise<void> {
  const configuration = readLocalConfiguration(process.env, words);
  const screen = createScreen(process.stdout);
  screen.print("\nCentralCloud on this machine\n");
  const system = createLocalSystem({ configuration, ...words, folder: dataFolder, screen });
  const { shutdownGraceS } = configuration.consumer;
  const running = runUntilSignal(system, shutdownGraceS, (observation) => {
    system.observe(observation);
    screen.print("Stopping…");
  });
  // One Ctrl-C may arrive twice, from the terminal and from npm: the second time even after the stop,
  // when nobody listens any more and it would become the exit code.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  await running;
  const place = configuration.given === undefined ? ".data/" : "your databases";
  screen.print(`Stopped; your data ${configuration.given ? "stay" : "stays"} in ${place}`);
}
