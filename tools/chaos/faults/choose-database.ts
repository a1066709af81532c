import type { ChaosDatabase } from "../servers/chaos-database.ts";
import type { Arena, PlannedFault } from "./arena.ts";

/** Which database a fault is done to. */
export type ChooseDatabase = (arena: Arena, fault: PlannedFault) => ChaosDatabase;

export const theCentral: ChooseDatabase = ({ databases }) => databases.central;

export const someSource: ChooseDatabase = ({ databases }, fault) => {
  const [first = databases.central, ...others] = databases.sources.map(({ database }) => database);
  return fault.random().pick([first, ...others]);
};
