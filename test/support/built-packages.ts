/**
 * What the tests use of our packages, as Node is to load it: built already. Vite would take each of its hundreds of files
 * for a source, transform it, and hand it to every process by itself, which takes longer than most files' tests.
 */
export const builtPackages: RegExp = /\/(apps|packages)\/[^/]+\/dist\/.*\.js$/;
