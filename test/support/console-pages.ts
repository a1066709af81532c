import type { Answer, Browser } from "./console.ts";

/*
 * What a person does with pages of the console: follows a form with all that it has, and reads text without its marks.
 */

const entities: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

function unescaped(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
}

/** What a page says, without marks, its blanks as one each. */
export function wordsOf({ text }: Pick<Answer, "text">): string {
  const body = /<main[\s\S]*<\/body>/.exec(text)?.[0] ?? text;
  return unescaped(body.replaceAll(/<[^>]*>/g, " ")).replaceAll(/\s+/g, " ");
}

/** The hidden fields of the form of a page that posts to a path; every value of each. */
export function hiddenFields(page: Pick<Answer, "text">, action: string): Record<string, string[]> {
  const forms = page.text.match(/<form[\s\S]*?<\/form>/g) ?? [];
  const found = forms.find(
    (form) => form.includes('method="post"') && form.includes(`action="${action}"`),
  );
  if (found === undefined) throw new Error(`no form of the page posts to ${action}`);
  const fields: Record<string, string[]> = {};
  for (const [input] of found.matchAll(/<input type="hidden"[^>]*>/g)) {
    const name = unescaped(/ name="([^"]*)"/.exec(input)?.[1] ?? "");
    const value = unescaped(/ value="([^"]*)"/.exec(input)?.[1] ?? "");
    fields[name] = [...(fields[name] ?? []), value];
  }
  return fields;
}

/** The text in a page's editor. */
export function editorText({ text }: Pick<Answer, "text">): string {
  return unescaped(/<textarea[^>]*name="text"[^>]*>([\s\S]*?)<\/textarea>/.exec(text)?.[1] ?? "");
}

/** Sends the form of a preview as it is, with what a person types; gives the answer. */
export async function sendPreview(
  browser: Browser,
  preview: Pick<Answer, "text">,
  typed: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const fields = hiddenFields(preview, "/actions");
  return await browser.post("/actions", {
    ...fields,
    reason: "the producer is repaired",
    ...typed,
  });
}

/** The id of the action that an answer leads to. */
export function actionIdOf({ headers, text }: Answer): string {
  const id = /^\/actions\/(\d+)/.exec(headers.location ?? "")?.[1];
  if (id === undefined) throw new Error(`it leads to no action: ${wordsOf({ text })}`);
  return id;
}
