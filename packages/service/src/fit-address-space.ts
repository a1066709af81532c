import { leaveOutWebAssembly } from "./address-space.ts";

/* The first import of each program: modules are evaluated in their order, and others load what this takes away. */
leaveOutWebAssembly();
