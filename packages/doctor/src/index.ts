export { judgeByFacts, readKnownSources } from "./checks/source-identities.ts";
export { checkNames } from "./checks.ts";
export { type Diagnosis, type DoctorOptions, diagnose } from "./doctor.ts";
export type { Finding, Severity } from "./finding.ts";
export type { DoctorLimits } from "./limits.ts";
export { type Repair, repair } from "./repair.ts";
