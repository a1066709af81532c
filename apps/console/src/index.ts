export { createLooks, type Looks } from "./acting/looks.ts";
export { type Right, rights } from "./auth/rights.ts";
export { createSessions, type Session, type SessionsOptions } from "./auth/sessions.ts";
export {
  type ConsoleConfiguration,
  consoleVariables,
  readConsoleConfiguration,
} from "./configuration.ts";
export { type Console, type ConsoleOptions, createConsole } from "./console.ts";
export { type ConsoleObservation, consoleEvents } from "./observation.ts";
export { routes } from "./pages/routes.ts";
export { createGate } from "./reading/gate.ts";
export { createReadLimits, SessionBusyError } from "./reading/read-limits.ts";
export { createSharedReads, type SharedReads } from "./reading/shared.ts";
export { createTurns } from "./reading/turns.ts";
export { collectGiven, one, text } from "./routing/fields.ts";
export { commandText, hrefTo } from "./routing/links.ts";
export { form, methodOf, page, type Route } from "./routing/route.ts";
export { clientAddress } from "./server/client-address.ts";
export { contentSecurityPolicy, securityHeaders } from "./server/headers.ts";
export { ConsolePortTakenError } from "./server/http-server.ts";
