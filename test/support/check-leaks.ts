import { checkLeaks } from "./process-leaks.ts";

/* Of every file of every project, without its doing: see vitest.config.ts. */
checkLeaks();
