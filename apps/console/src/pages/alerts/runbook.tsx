import type { VNode } from "preact";

/*
 * The little of Markdown that runbooks are written in: paragraphs, lists, fenced commands, `code`, _emphasis_, **weight**
 * and [links](…). What a link leads to is a page of the docs, which is not here: its words stay.
 */

/** A section of a runbook; a text of ours, made when the console is built. */
export function Runbook({ text }: { readonly text: string }): VNode {
  return <div class="runbook">{blocksOf(text).map(showBlock)}</div>;
}

type Block =
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[]; readonly isNumbered: boolean }
  | { readonly kind: "paragraph"; readonly text: string };

const fence = "```";

function blocksOf(text: string): readonly Block[] {
  return text.split(/^(```[^\n]*\n[\s\S]*?^```)$/m).flatMap((part): readonly Block[] =>
    part.startsWith(fence)
      ? [{ kind: "code", text: part.replace(/^```[^\n]*\n/, "").replace(/\n?```$/, "") }]
      : part
          .split(/\n\s*\n/)
          .map((one) => one.trim())
          .filter((one) => one !== "")
          .map(blockOf),
  );
}

function blockOf(text: string): Block {
  const lines = text.split("\n");
  const item = /^(?:[-*]|\d+\.) /;
  if (!item.test(text))
    return { kind: "paragraph", text: lines.map((line) => line.trim()).join(" ") };
  const items: string[] = [];
  for (const line of lines) {
    if (item.test(line)) items.push(line.replace(item, ""));
    else items.push(`${items.pop() ?? ""} ${line.trim()}`);
  }
  return { kind: "list", items, isNumbered: /^\d/.test(text) };
}

function showBlock(block: Block, index: number): VNode {
  if (block.kind === "paragraph") return <p key={index}>{inline(block.text)}</p>;
  if (block.kind === "code") {
    return (
      <pre key={index}>
        <code>{block.text}</code>
      </pre>
    );
  }
  const items = block.items.map((item) => <li key={item}>{inline(item)}</li>);
  return block.isNumbered ? <ol key={index}>{items}</ol> : <ul key={index}>{items}</ul>;
}

const parts = /(`[^`]+`|\*\*[^*]+\*\*|\b_[^_]+_\b|\[[^\]]+\]\([^)]*\))/;

function inline(text: string) {
  return text.split(parts).map((part, index) => {
    // biome-ignore-start lint/suspicious/noArrayIndexKey: parts of a text are told apart by where they stand.
    if (/^`.+`$/.test(part)) return <code key={index}>{part.slice(1, -1)}</code>;
    if (/^\*\*.+\*\*$/.test(part)) return <strong key={index}>{inline(part.slice(2, -2))}</strong>;
    if (/^_.+_$/.test(part)) return <em key={index}>{inline(part.slice(1, -1))}</em>;
    if (/^\[.+\]\(.*\)$/.test(part)) {
      return <span key={index}>{inline(part.replace(/^\[(.+)\]\(.*\)$/, "$1"))}</span>;
    }
    // biome-ignore-end lint/suspicious/noArrayIndexKey: as above.
    return part;
  });
}
