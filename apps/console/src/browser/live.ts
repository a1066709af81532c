import { copyCommands } from "./copy.js";
import { isBusy } from "./guard.js";

/** How often a page that is looked at is loaded again, in milliseconds. */
const everyMs = 5_000;

let isPaused = false;
let timer = 0;

/**
 * Loads the page again every few seconds while it is looked at, and puts in place those of its regions that have changed.
 * Where somebody types or has selected a text, nothing moves. Without an answer the page says so, and how old it is.
 */
export function keepLive(): void {
  if (!("live" in document.body.dataset)) return;
  tell("reloading");
  schedule();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && !isPaused) void refresh();
  });
}

export function toggleLive(): void {
  if (!("live" in document.body.dataset)) return;
  isPaused = !isPaused;
  tell(isPaused ? "stopped; press r to continue" : "reloading");
  if (!isPaused) void refresh();
}

function schedule(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void refresh(), everyMs);
}

async function refresh(): Promise<void> {
  clearTimeout(timer);
  try {
    if (isPaused || document.visibilityState !== "visible" || isBusy()) return;
    const response = await fetch(location.href, {
      headers: { "x-console-live": "1" },
      cache: "no-store",
      redirect: "error",
    });
    if (response.status === 401) {
      isPaused = true;
      return tell("your session has ended; load the page to sign in");
    }
    if (!response.ok) return tell(`not reloaded: the console answered ${response.status}`);
    replaceRegions(new DOMParser().parseFromString(await response.text(), "text/html"));
    tell("reloading");
  } catch {
    tell("not reloaded: the console does not answer");
  } finally {
    schedule();
  }
}

function replaceRegions(next: Document): void {
  if (isBusy()) return;
  document.title = next.title;
  for (const region of document.querySelectorAll("[data-region]")) {
    const fresh = next.getElementById(region.id);
    if (fresh === null || fresh.isEqualNode(region)) continue;
    const focused = region.contains(document.activeElement)
      ? placeOf(document.activeElement)
      : undefined;
    const open = [...region.querySelectorAll("details")].map((one) => one.open);
    region.replaceWith(fresh);
    for (const [index, one] of [...fresh.querySelectorAll("details")].entries()) {
      one.open = open[index] ?? one.open;
    }
    copyCommands(fresh);
    if (focused !== undefined) focus(fresh, focused);
  }
}

/** A link or a button is found again by where it leads or what it says. */
function placeOf(element: Element | null): string | undefined {
  if (element instanceof HTMLAnchorElement) return element.getAttribute("href") ?? undefined;
  return undefined;
}

function focus(region: Element, href: string): void {
  const links = [...region.querySelectorAll("a")];
  links.find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
}

function tell(words: string): void {
  const place = document.querySelector<HTMLElement>("[data-live-state]");
  if (place === null) return;
  place.hidden = false;
  place.textContent = ` · ${words}`;
}
