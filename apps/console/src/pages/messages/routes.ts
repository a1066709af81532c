import type { Route } from "../../routing/route.ts";
import { messages } from "./find.tsx";
import { message, revealMessage } from "./message.tsx";

export const messageRoutes: readonly Route[] = [messages, message, revealMessage];
