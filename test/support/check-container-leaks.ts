import { checkLeaks } from "./process-leaks.ts";

checkLeaks({ listens: false });
