import { expect, test } from "vitest";
import { createCapturedTables } from "../src/captured-tables.ts";
import { createDecoder } from "../src/decode/create-decoder.ts";
import { failedAt, isTooLarge, UndecodableChangeError } from "../src/errors.ts";

const lookup = {
  readPrimaryKey: async () => [],
  columnsOf: () => ({ large: [], generated: new Set<string>() }),
  baseTypes: () => (type: number) => type,
};
const tables = createCapturedTables(["moods", 'odd."x"'], []);

test("a message of wal2json that is no JSON still tells its table", () => {
  const decoder = createDecoder("wal2json", tables, lookup);
  const payload = Buffer.from(
    `{"action":"I","xid":1,"lsn":"0/1","schema":"public","table":"moods","columns":[{"type":""x""}]}`,
  );
  expect(() => decoder.decode(payload)).toThrow();
  expect(decoder.tableOf(payload)).toBe("moods");
  expect(decoder.tableOf(Buffer.from('{"action":"B"'))).toBeUndefined();
});

test("the error says table, place and what to do, and quotes nothing of the row", () => {
  const cause = Object.assign(new Error('invalid input: "secret"'), { code: "22P02" });
  const error = new UndecodableChangeError({ tables: ["moods"], lsn: "0/1F" }, "one", cause);
  expect(error.message).toBe(
    "a change of moods at 0/1F can't be decoded: refused by the database (22P02); take moods out of CDC_TABLES, " +
      "or the column that is to blame into CDC_LEFT_OUT_COLUMNS; where that is not enough: " +
      "centralcloud cdc recreate --source one --reason …",
  );
});

test.each([
  { code: "54000", message: "string too long to represent as jsonb string" },
  { code: "53200", message: "out of memory" },
  { code: "XX000", message: "invalid memory alloc request size 1073741824" },
  {
    code: "ERR_STRING_TOO_LONG",
    message: "Cannot create a string longer than 0x1fffffe8 characters",
  },
  { message: "Invalid string length" },
])("a limit is known as one: $message", (fields) => {
  expect(isTooLarge(Object.assign(new Error(fields.message), fields))).toBe(true);
});

test("where the server failed is known by the context of its error, and only of what stays", () => {
  const where =
    'slot "s", output plugin "pgoutput", in the change callback, associated LSN 16/B374D848';
  expect(failedAt({ code: "22P03", where })).toBe("16/B374D848");
  expect(failedAt({ code: "57P01", where })).toBeUndefined();
  expect(failedAt({ code: "22P03" })).toBeUndefined();
});
