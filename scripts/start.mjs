import { prepare } from "./run.mjs";

prepare();
await import("../apps/local/dist/main.js");
