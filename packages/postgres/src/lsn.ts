/*
 * A log sequence number: a place in the write-ahead log, in bytes. PostgreSQL writes it as two
 * hexadecimal numbers; here it is counted.
 */

export function parseLsn(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new Error(`${text} is no LSN`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function formatLsn(lsn: bigint): string {
  const hexadecimal = (number: bigint) => number.toString(16).toUpperCase();
  return `${hexadecimal(lsn >> 32n)}/${hexadecimal(lsn & 0xffff_ffffn)}`;
}
