import type { Kind } from "../kind.ts";
import { contentKinds } from "./content.ts";
import { headerKinds } from "./headers.ts";
import { identifierKinds } from "./identifiers.ts";
import { keyKinds } from "./keys.ts";
import { knowledgeKinds } from "./knowledge.ts";
import { numberKinds } from "./numbers.ts";
import { sessionKinds } from "./sessions.ts";
import { timestampKinds } from "./timestamps.ts";
import { wholeMessageKinds } from "./whole-message.ts";

export const kinds: readonly Kind[] = [
  ...wholeMessageKinds,
  ...keyKinds,
  ...identifierKinds,
  ...contentKinds,
  ...numberKinds,
  ...timestampKinds,
  ...sessionKinds,
  ...knowledgeKinds,
  ...headerKinds,
];
