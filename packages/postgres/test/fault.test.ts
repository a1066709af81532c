import { expect, test } from "vitest";
import { classifyFault } from "../src/index.ts";

const withCode = (code: string) => Object.assign(new Error("refused"), { code });

test.each([
  ["22P02", "message"], // invalid text representation
  ["22003", "message"], // numeric value out of range
  ["23514", "message"], // check violation
  ["P0001", "message"], // raise exception
  ["54001", "message"], // statement too complex
  ["08006", "nobody"], // connection failure
  ["25006", "nobody"], // read-only transaction, on a standby
  ["28P01", "nobody"], // wrong password
  ["3D000", "nobody"], // no such database
  ["40001", "nobody"], // serialization failure
  ["40P01", "nobody"], // deadlock
  ["42883", "nobody"], // no such function
  ["42501", "nobody"], // no privilege
  ["53100", "nobody"], // disk full
  ["53300", "nobody"], // too many connections
  ["55P03", "nobody"], // lock not available
  ["57014", "nobody"], // cancelled by timeout
  ["57P01", "nobody"], // shutdown
  ["58030", "nobody"], // input/output error
  ["ECONNREFUSED", "nobody"],
  ["ENOTFOUND", "nobody"],
  ["EAI_AGAIN", "nobody"], // a name that can't be resolved now
  ["26000", "nobody"], // a prepared statement that another connection has
  ["XX000", "unknown"], // internal error
  ["P0004", "unknown"], // assertion
])("%s is the fault of: %s", (code, owner) => {
  expect(classifyFault(withCode(code))).toMatchObject({ owner, code, message: "refused" });
});

test.each(["Connection terminated unexpectedly", "timeout exceeded when trying to connect"])(
  "pg's '%s', which has no code, is nobody's fault",
  (message) => {
    expect(classifyFault(new Error(message)).owner).toBe("nobody");
  },
);

test("an error of all addresses of a host counts as its first", () => {
  const error = new AggregateError([withCode("ECONNREFUSED")]);
  expect(classifyFault(error)).toMatchObject({ owner: "nobody", code: "ECONNREFUSED" });
});

test("what is no error at all is unknown", () => {
  expect(classifyFault("oops")).toEqual({
    kind: "unclassified",
    owner: "unknown",
    scope: "lane",
    code: "unknown",
    message: "oops",
  });
});

test.each([
  ["08006", "database"],
  ["57P01", "database"],
  ["53300", "database"],
  ["28P01", "database"],
  ["ECONNRESET", "database"],
  ["EAI_AGAIN", "database"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "database"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "database"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "database"],
  ["42883", "lane"],
  ["53100", "lane"],
  ["57014", "lane"],
  ["55P03", "lane"],
  ["25006", "lane"],
])("%s keeps the %s from working", (code, scope) => {
  expect(classifyFault(withCode(code))).toMatchObject({ owner: "nobody", scope });
});

test("a query that is not answered in time counts against the database", () => {
  expect(classifyFault(new Error("Query read timeout"))).toMatchObject({
    kind: "timed-out",
    owner: "nobody",
    scope: "database",
  });
});

test("a mistake in the code is not taken for an outage", () => {
  const error = Object.assign(new TypeError("oops"), { code: "ERR_INVALID_ARG_TYPE" });
  expect(classifyFault(error).owner).toBe("unknown");
});
