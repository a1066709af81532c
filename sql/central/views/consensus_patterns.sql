-- Patterns that several independent sources agree on: at least three, with a mean confidence of at least 0.95.
create or replace view central.consensus_patterns as
select p.fingerprint,
       p.pattern,
       p.observation_count,
       p.agent_count,
       p.source_count,
       p.confidence_max,
       p.confidence_mean,
       p.first_learned_at,
       p.last_learned_at
  from central.patterns p
 where p.source_count >= 3
   and p.confidence_mean >= 0.95;
