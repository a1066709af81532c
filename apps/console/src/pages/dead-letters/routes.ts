import type { Route } from "../../routing/route.ts";
import { deadLetter, raw, reveal } from "./dead-letter.tsx";
import { edit, sendEdit } from "./edit.tsx";
import { exported } from "./export.ts";
import { group } from "./group.tsx";
import { groups } from "./groups.tsx";
import { list } from "./list.tsx";

export const deadLetterRoutes: readonly Route[] = [
  list,
  groups,
  group,
  deadLetter,
  raw,
  reveal,
  edit,
  sendEdit,
  exported,
];
