/** Shows the buttons that copy a command. Where the clipboard can't be had, the command is selected instead. */
export function copyCommands(within: ParentNode): void {
  for (const button of within.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    const command = button.parentElement?.querySelector("[data-command]");
    if (command === null || command === undefined) continue;
    button.hidden = false;
    button.addEventListener("click", () => void copy(button, command));
  }
}

/** How long the button says what it did, in milliseconds. */
const toldMs = 2_000;

async function copy(button: HTMLButtonElement, command: Element): Promise<void> {
  const label = "Copy";
  try {
    await navigator.clipboard.writeText(command.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(command);
    button.textContent = "Selected";
  }
  setTimeout(() => {
    button.textContent = label;
  }, toldMs);
}
