import { prepare } from "./run.mjs";

prepare();
await import("../tools/dist/screenshots/main.js");
