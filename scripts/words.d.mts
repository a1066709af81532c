/** How often a file has each word. */
type Counts = Readonly<Record<string, number>>;
type CountedFiles = Readonly<Record<string, Counts>>;

export function countWords(text: string): Counts;
export function countAll(root: string): CountedFiles;
export function compareWords(counted: CountedFiles, baseline: CountedFiles): readonly string[];
export function grownWords(counted: CountedFiles, baseline: CountedFiles): readonly string[];
