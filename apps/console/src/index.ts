export { type Right, rights } from "./auth/rights.ts";
export {
  type ConsoleConfiguration,
  consoleVariables,
  readConsoleConfiguration,
} from "./configuration.ts";
export { type Console, type ConsoleOptions, createConsole } from "./console.ts";
export { routes } from "./pages/routes.ts";
export { collectGiven } from "./routing/fields.ts";
export { commandText, hrefTo } from "./routing/links.ts";
export { methodOf, type Route } from "./routing/route.ts";
export { contentSecurityPolicy, securityHeaders } from "./server/headers.ts";
export { ConsolePortTakenError } from "./server/http-server.ts";
