-- How many sessions of the store are sealed for each key: those keys must stay on the ring. For whoever may see neither
-- states nor seals.
create or replace view central.session_key_usage as
select s.sealed ->> 'key_id' as key_id,
       count(*) as session_count
  from central.agent_sessions s
 where s.sealed is not null
 group by 1;
