import type { ComponentChildren, VNode } from "preact";
import { renderToString } from "preact-render-to-string";
import type { Viewer } from "../auth/rights.ts";
import type { Section } from "../routing/route.ts";
import { assetPath } from "../server/assets.ts";
import { Age } from "./figures.tsx";
import { Command } from "./notices.tsx";
import { PageInfoContext } from "./page-info.ts";

const sections: readonly { readonly id: Section; readonly href: string; readonly label: string }[] =
  [
    { id: "now", href: "/", label: "Now" },
    { id: "queues", href: "/queues", label: "Queues" },
    { id: "dead-letters", href: "/dead-letters", label: "Dead letters" },
    { id: "actions", href: "/actions", label: "Actions" },
    { id: "knowledge", href: "/patterns", label: "Knowledge" },
    { id: "system", href: "/doctor", label: "System" },
    { id: "sources", href: "/sources", label: "Sources" },
  ];

/** Pages beneath an entry of the navigation, shown beside each other on each of them. */
const siblings: Partial<
  Record<Section, readonly { readonly href: string; readonly label: string }[]>
> = {
  queues: [
    { href: "/queues", label: "Queues" },
    { href: "/trends", label: "Trends" },
  ],
  "dead-letters": [
    { href: "/dead-letters/groups", label: "Groups" },
    { href: "/dead-letters", label: "List" },
  ],
  knowledge: [
    { href: "/patterns", label: "Patterns" },
    { href: "/agents", label: "Agents" },
    { href: "/sessions", label: "Sessions" },
    { href: "/messages", label: "Messages" },
  ],
  system: [
    { href: "/doctor", label: "Doctor" },
    { href: "/consumers", label: "Consumers" },
    { href: "/jobs", label: "Jobs" },
    { href: "/alerts", label: "Alerts" },
    { href: "/capture", label: "Capture" },
    { href: "/changes", label: "Changes" },
    { href: "/keys", label: "Keys" },
  ],
};

export interface LayoutOptions {
  readonly title: string;
  readonly section: Section;
  /** The path of this page, to mark its entry. */
  readonly path: string;
  readonly viewer: Viewer | undefined;
  readonly now: Date;
  readonly environment: string | undefined;
  /** Paths that there are, so that none is offered that is not. */
  readonly hasPath: (path: string) => boolean;
  readonly command?: readonly string[] | undefined;
  readonly asOf?: Date | undefined;
  readonly isLive?: boolean | undefined;
  /** Loads this page again at once: for whoever came from a link elsewhere. */
  readonly reload?: boolean;
}

/** A whole page as HTML. */
export function renderPage(options: LayoutOptions, body: ComponentChildren): string {
  return `<!doctype html>${renderToString(<Layout {...options}>{body}</Layout>)}`;
}

/** The label decides the colour of the bar: production is to be seen from afar. */
function toneOf(environment: string): string {
  if (/^prod/i.test(environment)) return "production";
  return /^(stag|pre|test|qa)/i.test(environment) ? "staging" : "other";
}

function Layout(options: LayoutOptions & { readonly children?: ComponentChildren }): VNode {
  const { title, viewer, now, environment, command, isLive, children, reload } = options;
  const seen = viewer ?? { name: "", rights: new Set<never>() };
  const place = environment === undefined ? "" : `${environment} · `;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{`${place}${title} · CentralCloud`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="stylesheet" href={assetPath("console.css")} />
        <link rel="icon" href={assetPath("icon.svg")} type="image/svg+xml" />
        <script type="module" src={assetPath("main.js")} />
        {reload && <meta http-equiv="refresh" content="0" />}
        {isLive && !reload && (
          <noscript>
            <meta http-equiv="refresh" content="30" />
          </noscript>
        )}
      </head>
      <body data-live={isLive ? "" : undefined}>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        {environment !== undefined && (
          <div class={`environment ${toneOf(environment)}`}>{environment}</div>
        )}
        <PageInfoContext.Provider value={{ now, viewer: seen }}>
          <Header {...options} />
          <main id="content" tabIndex={-1}>
            <h1>{title}</h1>
            {children}
          </main>
          {viewer !== undefined && (
            <footer>
              <p id="age" data-region>
                Figures as of <Age at={options.asOf ?? now} />
                {isLive && <span data-live-state hidden />}
              </p>
              {command !== undefined && (
                <div>
                  <p>The same in a terminal:</p>
                  <Command words={command} />
                </div>
              )}
            </footer>
          )}
        </PageInfoContext.Provider>
      </body>
    </html>
  );
}

function Header({ section, path, viewer, hasPath }: LayoutOptions) {
  const below = (siblings[section] ?? []).filter(({ href }) => hasPath(href));
  return (
    <header class="top">
      <div class="bar">
        <a class="brand" href="/">
          CentralCloud
        </a>
        {viewer !== undefined && (
          <>
            <nav aria-label="Main">
              <ul>
                {sections
                  .filter(({ href }) => hasPath(href))
                  .map(({ id, href, label }) => (
                    <li key={id}>
                      <a
                        href={href}
                        aria-current={
                          id === section ? (href === path ? "page" : "true") : undefined
                        }
                      >
                        {label}
                      </a>
                    </li>
                  ))}
              </ul>
            </nav>
            <p class="who">
              <a href="/me" aria-current={path === "/me" ? "page" : undefined}>
                {viewer.name}
              </a>
              <a href="/help" aria-current={path === "/help" ? "page" : undefined}>
                Help
              </a>
            </p>
          </>
        )}
      </div>
      {below.length > 1 && (
        <nav class="below" aria-label="Pages of this part">
          <ul>
            {below.map(({ href, label }) => (
              <li key={href}>
                <a href={href} aria-current={href === path ? "page" : undefined}>
                  {label}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      )}
    </header>
  );
}
