/** Which of the two kinds of databases something is about: a source, or the central store. */
export type Side = "source" | "central";

export const sides: readonly Side[] = ["source", "central"];
