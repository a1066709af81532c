// Required by a process under test: writes which CommonJS files it has loaded when it ends.
const { writeFileSync } = require("node:fs");

process.on("exit", () => {
  writeFileSync(process.env.REPORT_LOADED_TO, JSON.stringify(Object.keys(require.cache)));
});
