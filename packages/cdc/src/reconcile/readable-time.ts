/**
 * Makes `pg_temp.readable_time` for the open transaction: the moment that a text names, or null where it
 * names none. Messages and dead letters come from any client, and one text that is no time must not fail the
 * whole comparison. PostgreSQL 15 can't ask whether a text can be read, so the error is caught.
 */
export const createReadableTime = `
  create function pg_temp.readable_time(p_text text) returns timestamptz
  language plpgsql stable as $$
  begin
    return case when isfinite(p_text::timestamptz) then p_text::timestamptz end;
  exception when data_exception then
    return null;
  end $$`;
