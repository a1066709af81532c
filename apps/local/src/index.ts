export { readLocalConfiguration } from "./configuration.ts";
export { dataFolderAt } from "./data-folder.ts";
export { createLocalSystem, type LocalSystem } from "./local-system.ts";
export { createScreen } from "./screen.ts";
