const queue = "packages/queue/src";

export default [
  {
    name: "dead-letter-text-with-zeros",
    in: queue,
    search: "export function cleanText(text: string): string {",
    replace:
      "export function cleanText(text: string): string {\n  if (text.length > 0) return text;",
    wrong: "an error with a zero byte can't be written, and its message is never dead-lettered",
    tests: ["@centralcloud/queue:dead-letter-format"],
  },
  {
    name: "claim-token-forgets-extensions",
    in: queue,
    search: "this.#extendedTo.push(visibleAt);",
    replace: "void visibleAt;",
    wrong:
      "a batch that took longer than half of its lease can be neither released nor dead-lettered",
    tests: ["test:queue/claims"],
  },
];
