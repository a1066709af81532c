export { type Arguments, parseArguments, UsageError, usage } from "./arguments.ts";
export { type LocalConfiguration, readLocalConfiguration } from "./configuration.ts";
export { type DataFolder, dataFolder, dataFolderAt } from "./data-folder.ts";
export { describeFailure } from "./failure.ts";
export { createLocalSystem, type LocalSystem, type LocalSystemOptions } from "./local-system.ts";
export { createScreen, type Screen, type ScreenStream } from "./screen.ts";
