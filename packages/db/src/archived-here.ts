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

/**
 * An SQL condition: whether a row of an archive is a message that was merged. One that somebody archived by hand, with the
 * header `set_aside`, was not: it is never sent again, and not missing in the central store.
 *
 * @param row the alias of the row of the archive.
 */
export function isNotSetAside(row: string): string {
  return `not coalesce(${row}.headers ? 'set_aside', false)`;
}
