import { parser } from "@prometheus-io/lezer-promql";

export interface Expression {
  /** What it selects: a name, and the labels by which. */
  readonly selectors: readonly {
    readonly name: string;
    readonly matchers: readonly {
      readonly label: string;
      readonly operator: string;
      readonly value: string;
    }[];
  }[];
  /** Labels that it groups by. */
  readonly grouping: readonly string[];
}

/** @throws where Prometheus would not understand it. */
export function readExpression(text: string): Expression {
  const selectors: {
    name: string;
    matchers: { label: string; operator: string; value: string }[];
  }[] = [];
  const grouping: string[] = [];
  parser.parse(text).iterate({
    enter({ name, type, from, to, node }) {
      const words = text.slice(from, to);
      if (type.isError) throw new Error(`no PromQL from ${from}: ${text}`);
      if (name === "VectorSelector") {
        const identifier = node.getChild("Identifier");
        if (identifier === null) throw new Error(`it selects without a name: ${text}`);
        selectors.push({ name: text.slice(identifier.from, identifier.to), matchers: [] });
      } else if (name === "UnquotedLabelMatcher") {
        const [, label = "", operator = "", value = ""] =
          /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(words) ?? [];
        selectors.at(-1)?.matchers.push({ label, operator, value });
      } else if (name === "GroupingLabels") {
        grouping.push(...node.getChildren("LabelName").map((one) => text.slice(one.from, one.to)));
      }
    },
  });
  return { selectors, grouping };
}
