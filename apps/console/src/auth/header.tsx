import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Authentication } from "./authentication.ts";
import { rightsOfGroups } from "./rights.ts";
import type { AuthSettings, HeaderSettings } from "./settings.ts";

/**
 * Behind a proxy that signs people in and says who asks. It is believed where it comes from a trusted address and knows
 * the secret, and where each header is there once: a second value, or the same name with an underscore, may be what
 * somebody slipped past it.
 */
export function createHeaderSignIn(
  settings: HeaderSettings & Pick<AuthSettings, "isProxy">,
): Authentication {
  const { isProxy, userHeader, groupsHeader, secretHeader, secret, granted } = settings;
  const names = [userHeader, groupsHeader, secretHeader];
  const hashOf = (text: string) => createHash("sha256").update(text).digest();
  const secretHash = hashOf(secret);

  function single(request: IncomingMessage, name: string): string | undefined {
    const values = request.headersDistinct[name] ?? [];
    return values.length === 1 ? values[0] : undefined;
  }

  function findTrick({ rawHeaders }: IncomingMessage): string | undefined {
    const given = rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase());
    for (const name of names) {
      if (given.filter((one) => one === name).length > 1) return `the header ${name} came twice`;
      const lookalike = given.find((one) => one !== name && one.replaceAll("_", "-") === name);
      if (lookalike !== undefined) return `the header ${lookalike} is not one that we read`;
    }
    return undefined;
  }

  return {
    identify(request) {
      if (!isProxy(request.socket.remoteAddress ?? "")) {
        return { refused: "the request did not come through the proxy that signs people in" };
      }
      const trick = findTrick(request);
      if (trick !== undefined) return { refused: trick };
      const given = single(request, secretHeader) ?? "";
      if (!timingSafeEqual(hashOf(given), secretHash)) {
        return { refused: "the proxy did not say the secret that it shares with the console" };
      }
      const name = single(request, userHeader);
      if (name === undefined || !/^[^\p{C}]{1,200}$/u.test(name)) return undefined;
      const groups = (single(request, groupsHeader) ?? "").split(",").map((group) => group.trim());
      return { viewer: { name, rights: rightsOfGroups(groups, granted) }, session: name };
    },
    invite: () => (
      <p>
        The proxy in front of the console did not say who you are. Sign in there; if you have, ask
        whoever runs it to pass the header <code>{userHeader}</code>.
      </p>
    ),
    signIn: async () => undefined,
    signOut() {},
  };
}
