-- What a dead letter failed with, as 16 hexadecimal digits: letters of one queue, reason and code are one group where
-- they have the same set of issues, whatever the rows of lists or keys of maps are called, or else where the text of
-- their error is the same but for what it quotes. Of the code `more` and of "(and 2 more)", which only count, nothing
-- is taken.
-- It is the expression of an index on each dead-letter queue, so it must never change: the same letter has the same
-- fingerprint in every version, at every source, in every locale (what is compared has the collation "C"). A better one
-- is a function of another name, and an index on that. It takes any JSON and raises nothing, because a letter that could
-- not be indexed could not be stored; what is long counts with its start.
-- It belongs to whoever migrates, as the queues do, and not to centralcloud_owner: indexes run it as the owner of their
-- table. Everybody may call it, since whoever stores a letter does; it reads nothing. Its cost keeps it from being worked out
-- row by row where the index answers.
create or replace function public.dead_letter_fingerprint(p_queue text, p_message jsonb)
returns text
language plpgsql
immutable
parallel safe
cost 2000
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error constant jsonb := p_message -> 'error';
  v_issues constant jsonb := v_error -> 'issues';
  -- By columns, constraints and the like, PostgreSQL quotes names, and elsewhere values.
  v_named constant text :=
    '\m(relation|constraint|column|table|index|type|function|schema|sequence|trigger) "([A-Za-z_][A-Za-z0-9_]*)"';
  v_before text collate "C";
  v_cause text collate "C";
begin
  if pg_catalog.jsonb_typeof(v_issues) = 'array' then
    select pg_catalog.string_agg(i.issue, E'\n' order by i.issue)
      into v_cause
      from (
        select distinct
               -- agents[3].confidence and agents["7"].confidence are agents[].confidence; agents.7 is agents.*
               pg_catalog.regexp_replace(
                 '.' || pg_catalog.regexp_replace(
                          coalesce(pg_catalog.left(e.issue ->> 'path', 500), '') collate "C",
                          '\[("[^"]*"|[^]]*)\]', '[]', 'g'),
                 '\.[A-Za-z_]*[^A-Za-z_.[][^.[]*', '.*', 'g')
               || ' ' || coalesce(pg_catalog.left(e.issue ->> 'code', 100), '') as issue
          from (select a.issue from pg_catalog.jsonb_array_elements(v_issues) a (issue) limit 1000) e
         where e.issue ->> 'code' is distinct from 'more'
           and pg_catalog.jsonb_typeof(e.issue) = 'object'
      ) i;
  end if;

  if v_cause is null then
    v_cause := pg_catalog.left(
      coalesce(v_error ->> 'message', case when pg_catalog.jsonb_typeof(v_error) = 'string' then v_error #>> '{}' end, ''),
      2000) collate "C";
    v_cause := pg_catalog.regexp_replace(v_cause, ' \(and [0-9]+ more\)$', '');
    -- A value may have marks and brackets of its own, so it ends with the last one.
    v_cause := pg_catalog.regexp_replace(v_cause, '(=|contains )\(.*\)', '\1#');
    v_cause := pg_catalog.regexp_replace(v_cause, '(=|contains )\(.*$', '\1#');
    -- Names stand before the first value, and get marks of their own.
    v_before := pg_catalog.substring(v_cause, '^(?:[^"]*' || pg_catalog.replace(v_named, '(', '(?:') || ')*[^"]*');
    v_cause := pg_catalog.regexp_replace(v_before, v_named, E'\\1 \x02\\2\x03', 'g')
      || pg_catalog.regexp_replace(pg_catalog.regexp_replace(
           pg_catalog.substr(v_cause, pg_catalog.length(v_before) + 1), '^".*"', '#'), '^".*$', '#');
    v_cause := pg_catalog.regexp_replace(
      v_cause, '[\u00ab\u00bb\u2018-\u201f\u2039\u203a].*[\u00ab\u00bb\u2018-\u201f\u2039\u203a]', '#');
    v_cause := pg_catalog.regexp_replace(v_cause, '[\u00ab\u00bb\u201c-\u201f\u2039\u203a].*$', '#');
    v_cause := pg_catalog.regexp_replace(v_cause, E'(^|[^A-Za-z])''.*''', '\1#');
    -- Numbers, ids, addresses and bytes.
    v_cause := pg_catalog.regexp_replace(
      v_cause, E'(\x02[^\x03]*\x03)|[A-Za-z0-9_.:+-]*[0-9][A-Za-z0-9_.:+-]*', '\1#', 'g');
  end if;

  return pg_catalog.left(
    pg_catalog.encode(
      pg_catalog.sha256(pg_catalog.convert_to(
        pg_catalog.concat_ws(
          E'\n--\n', p_queue, coalesce(pg_catalog.left(p_message ->> 'reason', 200), ''),
          coalesce(pg_catalog.left(v_error ->> 'code', 200), ''), v_cause),
        'UTF8')),
      'hex'),
    16);
end
$$;
-- Whoever adds a dead letter runs it, for the index; where functions are nobody's by default, no letter could be added.
grant execute on function public.dead_letter_fingerprint(text, jsonb) to public;
