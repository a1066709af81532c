import { prepare } from "./run.mjs";

prepare();
await import("../tools/dist/chaos/run/main.js");
