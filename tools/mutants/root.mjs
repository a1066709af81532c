import { fileURLToPath } from "node:url";

/** Of the repository, without a slash behind it. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");
