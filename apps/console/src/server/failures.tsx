import { SelectionError } from "@centralcloud/dead-letters";
import { isOutOfReach, SourcesMissingError, withRemedy } from "@centralcloud/inspect";
import { codeOf } from "@centralcloud/postgres";
import { ConfigurationError, printable, withoutContents } from "@centralcloud/service";
import type { VNode } from "preact";
import { type Right, rightMeanings, type Viewer } from "../auth/rights.ts";
import { keyField } from "../kit/form.tsx";
import { BusyError } from "../reading/gate.ts";
import { SessionBusyError } from "../reading/read-limits.ts";
import { GivenError } from "../routing/fields.ts";
import { NotFoundError } from "../routing/route.ts";
import { BodyError } from "./body.ts";

/** A page that says what went wrong and what to do. */
export interface Failure {
  readonly status: number;
  readonly title: string;
  readonly body: VNode;
  /** When to try again, in seconds. */
  readonly retryAfterS?: number;
  /** Whether it is a mistake of ours, or of a database, that belongs into the log. */
  readonly isFault?: boolean;
}

export function notFound(): Failure {
  return {
    status: 404,
    title: "There is no such page",
    body: (
      <p>
        Nothing is at this address. <a href="/">Begin at the first page</a>, or see{" "}
        <a href="/help">what there is</a>.
      </p>
    ),
  };
}

export function badAddress(): Failure {
  const body = <p>The address of this request can't be read. Begin at the first page.</p>;
  return { status: 400, title: "This is no address", body };
}

export function methodNotAllowed(allowed: readonly string[]): Failure {
  return {
    status: 405,
    title: "This can't be done here",
    body: <p>This address answers {allowed.join(" and ")} only.</p>,
  };
}

export function wrongHost(): Failure {
  return {
    status: 421,
    title: "This name is not the console's",
    body: (
      <p>
        The address in your browser names a host that the console does not know. Open it by the link
        that it printed, or let whoever runs it set <code>CONSOLE_PUBLIC_URL</code> to this address.
      </p>
    ),
  };
}

export function foreignPost(): Failure {
  return {
    status: 403,
    title: "Sent from another site",
    body: (
      <p>
        Nothing was done: your browser does not say that a page of this console sent it. Open the
        page by the console's own address, and send it from there. Behind a proxy, the address that
        people use has to be in <code>CONSOLE_PUBLIC_URL</code>.
      </p>
    ),
  };
}

export function missingRight(right: Right, viewer: Viewer): Failure {
  return {
    status: 403,
    title: "You may not do this",
    body: (
      <>
        <p>
          It takes the right <strong>{right}</strong>: to {rightMeanings[right]}. Signed in as{" "}
          <strong>{viewer.name}</strong>, you have{" "}
          {viewer.rights.size === 0 ? "no right here" : [...viewer.rights].join(", ")}.
        </p>
        <p>
          Whoever runs the console grants it. <a href="/me">What you may do</a> is on a page of its
          own.
        </p>
      </>
    ),
  };
}

export function tooMany(): Failure {
  return {
    status: 429,
    title: "Too many at once",
    body: <p>Nothing was done. Wait a minute, then try again.</p>,
  };
}

/** What a form asks for is on record already: contents are shown once for each record. @param page that the form is on. */
export function doneBefore(page: string): Failure {
  return {
    status: 409,
    title: "This form was sent before",
    body: (
      <>
        <p role="alert">
          Nothing was done or shown a second time. Contents are shown once for each reason that is
          put on record.
        </p>
        <p>
          <a class="button primary" href={page}>
            Back to the page
          </a>{" "}
          To see the contents again, give a reason there again. <a href="/actions">Actions</a> has
          what was put on record.
        </p>
      </>
    ),
  };
}

/**
 * A session that ended while somebody filled in a form. What was typed is kept on the page: after signing in, it is sent
 * from here.
 */
export function signInFirst(invitation: VNode, action: string, form: URLSearchParams): Failure {
  const fields = [...form];
  return {
    status: 401,
    title: "Your session has ended",
    body: (
      <>
        <p role="alert">
          Nothing was done, and nothing that you typed is lost. Sign in in another tab, come back to
          this one, and send it again.
        </p>
        <p>
          <a href="/" target="_blank" rel="noreferrer">
            Sign in in another tab
          </a>
        </p>
        <form method="post" action={action} class="stack">
          {fields.map(([name, value]) =>
            name === keyField ? (
              <input type="hidden" name={name} value={value} key={name} />
            ) : (
              <div class="field" key={`${name} ${value}`}>
                <label>
                  {name}
                  <textarea name={name} rows={Math.min(12, value.split("\n").length)} readOnly>
                    {value}
                  </textarea>
                </label>
              </div>
            ),
          )}
          <div>
            <button type="submit">Send it again</button>
          </div>
        </form>
        <details>
          <summary>How to sign in</summary>
          {invitation}
        </details>
      </>
    ),
  };
}

/** What an error of reading or acting is for whoever asked. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof GivenError || error instanceof SelectionError) {
    const mistakes = error instanceof GivenError ? error.mistakes : [error.message];
    return {
      status: 400,
      title: "This address can't be understood",
      body: (
        <>
          <ul>
            {mistakes.map((mistake) => (
              <li key={mistake}>{printable(mistake)}</li>
            ))}
          </ul>
          <p>Nothing is shown, so that a filter with a mistake in it is not taken for none.</p>
        </>
      ),
    };
  }
  if (error instanceof NotFoundError) {
    return { status: 404, title: "Not found", body: <p>{printable(error.message)}</p> };
  }
  if (error instanceof SourcesMissingError) {
    return {
      status: 503,
      title: "A database did not answer",
      body: (
        <>
          {error.message.split("\n").map((line) => (
            <p key={line}>{printable(line).slice(0, 1_000)}</p>
          ))}
          <p>
            Nothing was done. <a href="/sources">The sources</a> say which answer.
          </p>
        </>
      ),
    };
  }
  if (error instanceof ConfigurationError) {
    return {
      status: 400,
      title: "This can't be asked",
      body: <p>{printable(error.message)}</p>,
    };
  }
  if (error instanceof BodyError) {
    return { status: error.status, title: "This can't be taken", body: <p>{error.message}</p> };
  }
  if (error instanceof SessionBusyError) {
    return {
      status: 429,
      title: "Too many pages at once",
      retryAfterS: 5,
      body: (
        <p>
          You have asked for more pages at once than are read for one person. Close tabs that you do
          not need, wait a moment, and load this page again.
        </p>
      ),
    };
  }
  if (error instanceof BusyError) {
    return {
      status: 503,
      title: "Too much at once",
      retryAfterS: 5,
      isFault: true,
      body: (
        <p>
          More pages are asked for than the console reads at once. Nothing is lost: wait a moment,
          and load this page again.
        </p>
      ),
    };
  }
  if (isOutOfReach(error)) {
    return {
      status: 503,
      title: "A database did not answer",
      isFault: true,
      body: (
        <>
          <p>{wordsOfFault(error)}</p>
          <p>
            <a href="/sources">The sources</a> say which answer; then try again.
          </p>
        </>
      ),
    };
  }
  return {
    status: 500,
    title: "This did not work",
    isFault: true,
    body: (
      <>
        <p>
          <code>{wordsOfFault(error)}</code>
        </p>
        <p>
          Nothing else is known. The console's log has it, too; <a href="/sources">the sources</a>{" "}
          say whether they answer.
        </p>
      </>
    ),
  };
}

function wordsOfFault(error: unknown): string {
  return printable(withoutContents(withRemedy(error), codeOf(error))).slice(0, 1_000);
}
