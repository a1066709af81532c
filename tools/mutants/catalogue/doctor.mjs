import { mutantsOfChecks } from "../rules.mjs";

export default mutantsOfChecks({
  // As test/cli/doctor-checks.test.ts says, which knows where each is shown.
  locks: ["test:security/named-waits"],
  roles: ["test:cli/doctor.test"],
  rights: ["test:cli/doctor-findings"],
  // A server's clock and a slot are also looked at by themselves; these compare.
  clock: ["test:cli/doctor-checks", "test:cli/doctor-findings", "test:cli/doctor-illnesses"],
  "capture-slot": ["test:cli/doctor-checks", "test:cdc/doctor"],
});
