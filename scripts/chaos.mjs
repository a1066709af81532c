import { prepare } from "./run.mjs";

prepare();
await import("../test/dist/chaos/run/main.js");
