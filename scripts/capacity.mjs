import { prepare } from "./run.mjs";

prepare();
await import("../tools/dist/capacity/main.js");
