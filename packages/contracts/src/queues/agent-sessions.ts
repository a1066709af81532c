import * as z from "zod";
import { defineContract } from "../contract.ts";
import {
  freeObject,
  identifier,
  nonEmptyText,
  optionalConfidence,
  shortText,
  timestamp,
} from "../fields.ts";
import { mustBeObject } from "../issues.ts";

/** A session's state that only CentralCloud's private key opens; whether it does, only the key ring can tell. */
const sealedSchema = z
  .looseObject(
    {
      alg: nonEmptyText,
      key_id: nonEmptyText,
      data: nonEmptyText,
      data_key: nonEmptyText.nullish().meta({
        description:
          "What data is sealed with, sealed for key_id itself; where alg is openpgp-data-key",
      }),
    },
    { error: mustBeObject },
  )
  .meta({ description: "The session's state, sealed with the public key that key_id names" });

/** The state an agent's session had at `synced_at`: sealed, or plain as older producers send it. Extra keys are kept. */
const sessionSchema = z
  .looseObject(
    {
      agent_id: identifier,
      session_id: identifier,
      session_state: freeObject.nullish(),
      sealed: sealedSchema.nullish(),
      synced_at: timestamp,
      confidence: optionalConfidence,
      ulid: shortText.nullish(),
    },
    { error: mustBeObject },
  )
  .refine(({ session_state, sealed }) => isPresent(session_state) !== isPresent(sealed), {
    error: "must hold exactly one of session_state and sealed",
    params: { code: "conflict" },
    // also beside issues of single fields, so that an operator sees all of them at once
    when: ({ value }) => typeof value === "object" && value !== null && !Array.isArray(value),
  })
  .meta({
    title: "Session",
    description: "The state of an agent's session",
    oneOf: [
      { required: ["session_state"], properties: { session_state: { not: { type: "null" } } } },
      { required: ["sealed"], properties: { sealed: { not: { type: "null" } } } },
    ],
    examples: [
      {
        agent_id: "agent-123",
        session_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        sealed: {
          alg: "openpgp-data-key",
          key_id: "2025-10",
          data_key: "bm90IGEgcmVhbCBrZXk=",
          data: "bm90IGEgcmVhbCBzZWFs",
        },
        confidence: 0.85,
        synced_at: "2025-10-25T10:00:00.000001+00:00",
        ulid: "01GV5PA9EQG7D82Q3Y4PKBZSYV",
      },
    ],
  });

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export type SessionMessage = z.infer<typeof sessionSchema>;

export const sessionContract = defineContract({
  queue: "agent-sessions",
  version: "session/1",
  schema: sessionSchema,
  merge: "merge_sessions",
  tables: ["agent_sessions"],
  time: "synced_at",
  captured: { table: "agent_sessions", time: "last_synced_at", of: "session" },
  shown: {
    agent_id: "identifier",
    session_id: "identifier",
    session_state: "sensitive",
    sealed: { alg: "name", key_id: "name", data: "sensitive", data_key: "sensitive" },
    synced_at: "timestamp",
    confidence: "number",
    ulid: "name",
  },
  mayHideDigits: ({ agent_id, session_id, confidence }) =>
    typeof agent_id === "number" || typeof session_id === "number" || Number.isInteger(confidence),
});
