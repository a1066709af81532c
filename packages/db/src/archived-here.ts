/*
 * A source that was a copy of another one (`sources renew`) has that one's archives, too. What stands in them is the
 * other's: merged, replayed, discarded under the other's id. `singularity_source.copied_until` tells the two apart.
 */

/**
 * An SQL expression: the moment until which whatever the source's archives got is another source's; `-infinity` where it
 * never was a copy. By way of JSON, since a database of the version before has no such column.
 */
export const copiedUntil = `coalesce((
  select (to_jsonb(o) ->> 'copied_until')::timestamptz from public.singularity_source o), '-infinity')`;

/**
 * An SQL condition: whether a row of an archive is the source's own. For everything that asks an archive what this source
 * has sent, merged or given up.
 *
 * @param row the alias of the row of the archive.
 */
export function isArchivedHere(row: string): string {
  return `${row}.archived_at > ${copiedUntil}`;
}
