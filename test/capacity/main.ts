import { writeFileSync } from "node:fs";
import { figuresFile } from "./figures.ts";
import { measure } from "./measure.ts";

const figures = await measure(
  {
    patterns: 50_000,
    sessions: 4_000,
    rounds: 3,
    idleSources: 10,
    idleS: 30,
    seals: 400,
    durable: true,
  },
  console.error,
);
writeFileSync(figuresFile, JSON.stringify(figures, null, 2));
