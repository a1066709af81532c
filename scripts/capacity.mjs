import { prepare } from "./run.mjs";

prepare();
await import("../test/dist/capacity/main.js");
