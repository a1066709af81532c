/**
 * A form is sent once, however often its button is clicked; and a page whose form somebody has begun to fill in is not
 * left by accident.
 */
export function guardForms(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>('form[method="post"]')) {
    let isSent = false;
    form.addEventListener("submit", (event) => {
      if (isSent) event.preventDefault();
      isSent = true;
    });
    // Whoever comes back to the page may send it again.
    addEventListener("pageshow", () => {
      isSent = false;
    });
  }
}

/** Whether somebody is typing, or has typed into a form of the page. */
export function isBusy(): boolean {
  const active = document.activeElement;
  if (active instanceof HTMLElement && active.matches("input, textarea, select")) return true;
  return (getSelection()?.toString() ?? "") !== "";
}
