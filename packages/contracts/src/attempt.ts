import * as z from "zod";
import { timestamp } from "./fields.ts";

export const failure = z.object({ code: z.string(), message: z.string() });

/** One failure of a message: when, at which consumer, and of what. */
export const attempt = z.object({ at: timestamp, consumer: z.string(), error: failure });
