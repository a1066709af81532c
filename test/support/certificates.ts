import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

/** In PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Authority {
  /** The file of its certificate, as `sslrootcert` takes it. */
  readonly file: string;
  /** @param names DNS names or addresses; the first is the subject, too. */
  issue(names: readonly string[], validForDays?: number): Promise<Certificate>;
  /** Writes a certificate and its key to files, as a client takes them. */
  write(certificate: Certificate, name: string): { readonly cert: string; readonly key: string };
  dispose(): void;
}

/** An authority that nobody knows, in a directory of its own; dispose of it after use. */
export async function createAuthority(name: string): Promise<Authority> {
  const directory = mkdtempSync(join(tmpdir(), "centralcloud-authority-"));
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const file = join(directory, "authority.crt");
  writeFileSync(file, root.toString("pem"));
  return {
    file,
    async issue(names, validForDays = 1) {
      return await issue(root, keys.privateKey, names, validForDays);
    },
    write({ certificate, privateKey }, base) {
      const paths = { cert: join(directory, `${base}.crt`), key: join(directory, `${base}.key`) };
      writeFileSync(paths.cert, certificate);
      writeFileSync(paths.key, privateKey, { mode: 0o600 });
      return paths;
    },
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function issue(
  root: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  names: readonly string[],
  validForDays: number,
): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const end = Date.now() + validForDays * dayMs;
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${names[0]}`,
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Math.min(Date.now(), end) - 2 * dayMs),
    notAfter: new Date(end),
    extensions: [
      new SubjectAlternativeNameExtension(
        names.map(
          (value): JsonGeneralName => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value }),
        ),
      ),
    ],
  });
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const privateKey = `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
  return { certificate: certificate.toString("pem"), privateKey };
}
