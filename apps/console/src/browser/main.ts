import { copyCommands } from "./copy.js";
import { guardForms } from "./guard.js";
import { listenToKeys } from "./keys.js";
import { keepLive } from "./live.js";

/* What scripts add to pages that work without them. */
copyCommands(document);
guardForms();
listenToKeys();
keepLive();
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-submit]")) {
  form.requestSubmit();
}
