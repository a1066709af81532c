const seconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** Reads a duration such as `90s`, `15m`, `2h`, `1d12h` or `1w`; undefined where the text is none. In seconds. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d{1,9}[smhdw])+$/.test(text)) return undefined;
  const parts = text.match(/\d+[smhdw]/g) ?? [];
  return parts.reduce(
    (sum, part) => sum + Number.parseInt(part, 10) * (seconds[part.slice(-1)] ?? 0),
    0,
  );
}
