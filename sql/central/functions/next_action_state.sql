-- The state that an operator's action has after p_verb, or null where it can't be: the same table as
-- `nextState` of packages/central/src/action-state.ts, which a test compares.
-- Locks: none.
create or replace function central.next_action_state(p_state text, p_verb text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select t.next
    from (values
      ('planned', 'start', 'running'),
      ('planned', 'pause', 'paused'),
      ('planned', 'cancel', 'cancelled'),
      ('planned', 'fail', 'failed'),
      ('running', 'start', 'running'),
      ('running', 'pause', 'paused'),
      ('running', 'cancel', 'cancelled'),
      ('running', 'finish', 'done'),
      ('running', 'fail', 'failed'),
      ('paused', 'resume', 'running'),
      ('paused', 'cancel', 'cancelled'),
      ('paused', 'finish', 'done'),
      ('paused', 'fail', 'failed'),
      ('failed', 'resume', 'running'),
      ('failed', 'cancel', 'cancelled'),
      ('cancelled', 'start', 'cancelled')
    ) as t (state, verb, next)
   where t.state = p_state
     and t.verb = p_verb;
$$;
revoke execute on function central.next_action_state(text, text) from public;
