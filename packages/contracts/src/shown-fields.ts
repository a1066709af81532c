/**
 * What of a document may be shown to somebody who may not read contents. A contract names what it shows, field by field;
 * everything else is masked: fields that it does not name with their names, and named ones whose value is not of the
 * shape that the field should have, because then it may be anything.
 */
export type Disclosure = Shape | readonly [Disclosure] | ShownFields;

/** The fields of an object that are shown, each with what of it. */
export interface ShownFields {
  readonly [field: string]: Disclosure;
}

/**
 * What a single value must look like to be shown. Of what is `sensitive`, only the name of the field is; of an `error`
 * the words that are no values.
 */
export type Shape =
  | "all"
  | "sensitive"
  | "identifier"
  | "timestamp"
  | "number"
  | "name"
  | "flag"
  | "path"
  | "issue"
  | "error";
