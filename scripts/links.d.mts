export function anchorsOf(text: string): ReadonlySet<string>;
export function brokenLink(root: string, from: string, target: string): string | undefined;
export function brokenLinks(root: string): readonly string[];
