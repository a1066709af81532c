import * as z from "zod";

/** Draft 7, because AsyncAPI 3.0 speaks it without being told. */
export const jsonSchemaDialect = "http://json-schema.org/draft-07/schema#";

/**
 * What JSON Schema can say of a Zod schema: what is sent, not what parsing makes of it. It can't bound numeric strings,
 * so it accepts some of them that the contract refuses; it refuses nothing that the contract accepts.
 */
export function jsonSchemaOf(schema: z.ZodType) {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, {
    target: "draft-7",
    io: "input",
    // custom checks say what they are by `.meta`
    unrepresentable: "any",
  });
  return jsonSchema;
}
