/**
 * ISO 8601 date-times that every PostgreSQL casts to `timestamptz`, as one regular expression: so the published JSON
 * Schema states the whole rule, calendar included, and not an approximation of it.
 *
 * `YYYY-MM-DDTHH:MM[:SS[.fraction]]`, then `Z`, `±hh`, `±hhmm`, `±hh:mm` or nothing, which means UTC. `t` and `z` may be
 * lower case, as RFC 3339 allows and PostgreSQL reads. Years 0001 to 9999. Offsets end at 15:59, as PostgreSQL's do.
 * Second 60 is a leap second: to PostgreSQL the first second of the next minute, and it reads no fraction of it at
 * 23:59.
 */
const leapYear = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const monthAndDay =
  "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])" +
  "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)" +
  "|02-(?:0[1-9]|1[0-9]|2[0-8]))";
const date = `(?!0000)(?:${leapYear}-02-29|[0-9]{4}-${monthAndDay})`;
const time =
  "(?!23:59:60\\.0*[1-9])(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\\.[0-9]{1,20})?)?";
const offset = "(?:[Zz]|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)?";

export const timestampPattern = new RegExp(`^${date}[Tt]${time}${offset}$`);
