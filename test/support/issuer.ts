import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A small issuer of OpenID Connect, which signs in whoever comes. */
export interface Issuer {
  readonly url: string;
  /** What the next sign-ins say of whoever comes. */
  claims: Record<string, unknown>;
  /** Goes where the console sent the browser, and says where the issuer sends it back to. */
  follow(location: string): URL;
  stop(): Promise<void>;
}

interface Grant {
  readonly challenge: string;
  readonly nonce: string;
}

export async function startIssuer(clientId: string): Promise<Issuer> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const grants = new Map<string, Grant>();
  let url = "";
  const issuer = { claims: {} as Record<string, unknown> };

  function tokenFor({ nonce }: Grant): string {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: url, aud: clientId, iat: now, exp: now + 60, nonce, ...issuer.claims };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${part({ alg: "RS256", kid: "one" })}.${part(claims)}`;
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  }

  const server: Server = createServer((request, response) => {
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { "content-type": "application/json", connection: "close" });
      response.end(JSON.stringify(value));
    };
    if (request.url === "/.well-known/openid-configuration") {
      return json(200, {
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/keys`,
        response_types_supported: ["code"],
        id_token_signing_alg_values_supported: ["RS256"],
        code_challenge_methods_supported: ["S256"],
      });
    }
    if (request.url === "/keys") {
      const key = { ...publicKey.export({ format: "jwk" }), kid: "one", alg: "RS256", use: "sig" };
      return json(200, { keys: [key] });
    }
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const form = new URLSearchParams(body);
      const code = form.get("code") ?? "";
      const grant = grants.get(code);
      grants.delete(code);
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      if (grant?.challenge !== challenge) return json(400, { error: "invalid_grant" });
      json(200, {
        access_token: "unused",
        token_type: "Bearer",
        id_token: tokenFor(grant),
      });
    });
  });
  server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(issuer, {
    url,
    follow(location: string) {
      const asked = new URL(location).searchParams;
      const code = crypto.randomUUID();
      grants.set(code, {
        challenge: asked.get("code_challenge") ?? "",
        nonce: asked.get("nonce") ?? "",
      });
      const back = new URL(asked.get("redirect_uri") ?? "");
      back.search = new URLSearchParams({
        code,
        state: asked.get("state") ?? "",
        iss: url,
      }).toString();
      return back;
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  });
}
