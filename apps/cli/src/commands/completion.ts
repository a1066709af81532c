import { Argument, Command } from "commander";
import { completionFor, type Shell, shells } from "../complete/completion.ts";
import { print } from "../output.ts";

export function completionCommand(): Command {
  const command = new Command("completion");
  return command
    .description("prints a script that lets a shell complete commands, options and their values")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .action((shell: Shell) => {
      let program: Command = command;
      while (program.parent !== null) program = program.parent;
      print(completionFor(shell, program));
    });
}
