import type { VNode } from "preact";
import { page } from "../../routing/route.ts";

/** What the console is for, where things are, and how it is used by keyboard. */
export const help = page({
  path: "/help",
  right: "look",
  section: "none",
  query: {},
  title: () => "Help",
  read: async () => null,
  page: () => <HelpPage />,
  command: () => ["--help"],
});

function HelpPage(): VNode {
  return (
    <>
      <p>
        The console shows what waits, what failed and why, and lets you repair it. Every page has
        the command that shows the same in a terminal, and its address can be sent to others.
      </p>
      <h2>When something is wrong</h2>
      <ol>
        <li>
          <a href="/">Now</a> says in a sentence what is wrong; each part of it leads to the place.
        </li>
        <li>
          Dead letters stand in groups: all of one group failed with the same. Open one dead letter
          of it to see the message with what is wrong painted at its place.
        </li>
        <li>
          A preview says exactly what would be replayed or discarded, before anything is. A replay
          continues by itself, and can be paused, resumed and cancelled. A discard can be undone for
          as long as its archive is kept.
        </li>
      </ol>
      <h2>Words</h2>
      <dl class="facts">
        <div>
          <dt>Source</dt>
          <dd>One Singularity database: it queues messages for the central store.</dd>
        </div>
        <div>
          <dt>Dead letter</dt>
          <dd>A message that could not be merged, kept aside with the reason and each attempt.</dd>
        </div>
        <div>
          <dt>Replay</dt>
          <dd>To put the message of a dead letter into its queue again.</dd>
        </div>
        <div>
          <dt>In flight</dt>
          <dd>
            Read by a consumer, and hidden from the others until it is done or its lease ends.
          </dd>
        </div>
        <div>
          <dt>Masked</dt>
          <dd>Contents that not everybody may see. States of sessions are never shown here.</dd>
        </div>
      </dl>
      <h2>Keys</h2>
      <p>
        Tab and Enter reach everything. Where scripts run, these do, too, while nobody types:{" "}
        <kbd>g</kbd> then <kbd>n</kbd>, <kbd>q</kbd>, <kbd>d</kbd>, <kbd>a</kbd> or <kbd>s</kbd> go
        to Now, Queues, Dead letters, Actions and Sources; <kbd>/</kbd> goes to the filter;{" "}
        <kbd>c</kbd> copies the command; <kbd>r</kbd> stops and starts the reloading of figures;{" "}
        <kbd>?</kbd> opens this page.
      </p>
    </>
  );
}
