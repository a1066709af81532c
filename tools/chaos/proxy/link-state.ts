/**
 * What a link does with what passes through it:
 * - `open`: passes it on at once; `slow`: later;
 * - `silent`: accepts connections and bytes and says nothing, until it is opened again;
 * - `refusing`: ends new connections at once.
 */
export type LinkState =
  | { readonly kind: "open" | "silent" | "refusing" }
  | { readonly kind: "slow"; readonly ms: number };
