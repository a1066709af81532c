import { toggleLive } from "./live.js";

const places: Readonly<Record<string, string>> = {
  n: "/",
  q: "/queues",
  d: "/dead-letters/groups",
  a: "/actions",
  s: "/sources",
};

/** How long a `g` waits for the key that says where to, in milliseconds. */
const waitMs = 1_500;

/** Keys for those who know them, while nobody types. */
export function listenToKeys(): void {
  let goesUntil = 0;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const goes = performance.now() < goesUntil;
    goesUntil = 0;
    if (goes) {
      const place = places[event.key];
      if (place !== undefined) location.assign(place);
    } else if (event.key === "g") goesUntil = performance.now() + waitMs;
    else if (event.key === "?") location.assign("/help");
    else if (event.key === "r") toggleLive();
    else if (event.key === "c") document.querySelector<HTMLElement>("button[data-copy]")?.click();
    else if (event.key === "/") {
      const field = document.querySelector<HTMLElement>(
        'form[role="search"] input:not([type="hidden"])',
      );
      if (field === null) return;
      event.preventDefault();
      field.focus();
    }
  });
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]")
  );
}
