/*
 * Words that readers did not understand at the first reading, or that name a thing which has another word in the glossary
 * of docs/architecture.md. `say` is what to write instead. A pattern is tried on each line, in any case.
 */
export const forbiddenWords = [
  // The dictionary.
  {
    word: "letter",
    pattern: /(?<!dead[-_\s*/]*|archived_|imported_)letters?(?!head|-spacing)/gi,
    say: "dead letter",
  },
  { word: "died of", pattern: /\b(died|dies|dead) of\b/gi, say: "failed with" },
  {
    word: "what died",
    pattern: /\bwhat (died|is dead)\b|\bnobody is dead\b/gi,
    say: "dead letters",
  },
  { word: "dies again", pattern: /\b(dies|died|die) again\b/gi, say: "is dead-lettered again" },
  { word: "give back", pattern: /\bg(ive|ives|iven|ave|iving)[- ]?back\b/gi, say: "release" },
  { word: "set apart", pattern: /\bsets? apart\b/gi, say: "release with delay" },
  { word: "plane", pattern: /(?<!sto)planes?\b/gi, say: "side: source or central" },
  { word: "verdict", pattern: /verdict/gi, say: "check result" },
  { word: "judgement", pattern: /judg(e?ment)/gi, say: "check result" },
  { word: "frontier", pattern: /frontier/gi, say: "read cursor" },
  { word: "rhythm", pattern: /rhythm/gi, say: "poll schedule" },
  {
    word: "suspects",
    pattern: /(?<!poison[-_\s*/]*)suspect(s|ed)?\b/gi,
    say: "poison suspects, or: may be poison",
  },
  { word: "patience", pattern: /patien(ce|t\b)/gi, say: "timeout" },
  { word: "pace", pattern: /\bpace[sd]?\b/gi, say: "rate limit" },
  { word: "take-over", pattern: /take[- ]?over\b/gi, say: "claim of the slot" },
  { word: "look through", pattern: /look(s|ed|ing)?[- ]?through/gi, say: "snapshot, or: search" },
  { word: "neighbour", pattern: /neighbou?rs?/gi, say: "other messages of the batch" },
  { word: "culprit", pattern: /culprits?/gi, say: "rejected message" },
  { word: "killer", pattern: /killers?\b/gi, say: "poison message" },
  { word: "fate", pattern: /\bfates?\b/gi, say: "outcome" },
  // Phrases of the closed circle.
  { word: "bite", pattern: /\bbit(e|es|ing)\b(?! sideways)/gi, say: "what goes wrong, and when" },
  { word: "fares", pattern: /\bfares?\b/gi, say: "how far it is, or: its state" },
  { word: "go on", pattern: /\b(go|goes|went|gone|going) on\b/gi, say: "continue" },
  { word: "for symmetry", pattern: /\bfor symmetry\b/gi, say: "the same as …" },
  { word: "mend", pattern: /(?<![a-z])(mend(s|ed|ing)?)(?![a-z])/gi, say: "repair, or: fix" },
  {
    word: "ring",
    pattern: /(?<!key[- _]?|-to-|--)\brings?\b(?!\.json)/gi,
    say: "key ring",
  },
  { word: "all the same", pattern: /\ball the same\b/gi, say: "nevertheless, or say what differs" },
  { word: "so much", pattern: /\bso much\b/gi, say: "a number with its unit" },
  {
    word: "what comes back",
    pattern: /\bwhat comes back\b/gi,
    say: "messages that are read again",
  },
  { word: "who rests", pattern: /\bwho (rests|is idle|sleeps)\b/gi, say: "an idle consumer" },
  { word: "as ever", pattern: /\bas ever\b/gi, say: "as before" },
  { word: "nobody's", pattern: /\bnobody's\b/gi, say: "not the message's own" },
  {
    word: "whatever",
    pattern: /\b(for|and|by|then|all|looks|finds) whatever\b/gi,
    say: "everything that, or name it",
  },
  { word: "that there is not", pattern: /\bthat there (is|are) not\b/gi, say: "unknown" },
  { word: "by lot", pattern: /\bby lot\b/gi, say: "at random" },
  { word: "without a word", pattern: /\bwithout a word\b/gi, say: "without an error" },
  { word: "in the way", pattern: /\bin the way\b/gi, say: "blocks" },
];
