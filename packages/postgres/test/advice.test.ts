import { expect, test } from "vitest";
import { adviceOn, messageOf, UnfitDatabaseError } from "../src/index.ts";

const withCode = (code: string) => Object.assign(new Error("refused"), { code });
const tlsCodes = [
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
  "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
  "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
];

test.each([
  ["ECONNREFUSED", /runs, and listens/],
  ["ENOTFOUND", /name server/],
  ["EAI_AGAIN", /name server/],
  ["EHOSTUNREACH", /firewalls/],
  ["28P01", /user and password/],
  ["28000", /pg_hba\.conf/],
  ["3D000", /name of the database/],
  ["53300", /max_connections/],
  ["57P03", /has started/],
  ["CERT_HAS_EXPIRED", /renew the server's certificate/],
  ["CERT_NOT_YET_VALID", /clocks/],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", /sslcert and sslkey/],
  ["XX000", /server's log/],
])("%s is met by what helps against it", (code, advice) => {
  expect(adviceOn(withCode(code))).toMatch(advice);
});

test("passwords are spoken of where the server spoke of them, and nowhere else", () => {
  const missing = new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string");
  expect(adviceOn(missing)).toMatch(/password in the URL/);
  for (const code of [...tlsCodes, "ECONNREFUSED", "ENOTFOUND", "3D000", "53300", "57P03"]) {
    expect(adviceOn(withCode(code))).not.toMatch(/password/);
  }
});

test("nobody is told to encrypt less, or to verify less", () => {
  const errors = [
    new Error("The server does not support SSL connections"),
    ...tlsCodes.map(withCode),
  ];
  for (const error of errors) {
    expect(`${adviceOn(error)} ${messageOf(error)}`).not.toMatch(
      /disable|no-verify|sslmode=require|rejectUnauthorized/i,
    );
  }
});

test("an error that says itself what to do is left to say it", () => {
  expect(adviceOn(new UnfitDatabaseError("do this"))).toBe("do what the message says");
});
