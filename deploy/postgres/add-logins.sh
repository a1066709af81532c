#!/bin/bash
# Makes the logins of the consumer, of applications, of change data capture, of people and of the worker, as members of their roles, on the server
# that PGHOST names, or gives them the passwords of the secrets again. Run it after `centralcloud migrate`.
# Each password is read from /run/secrets/NAME-password, POSTGRES_PASSWORD_FILE is that of PGUSER.
set -euo pipefail

PGPASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
export PGPASSWORD PGDATABASE=postgres

# add_login name [role [attributes]]
add_login() {
  local name=$1 role=centralcloud_${2:-$1} attributes=${3:-} password
  password=$(<"/run/secrets/$name-password")
  # psql reads the password from its own variable, so that no list of processes shows it.
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<SQL
\set name ${name}_1
\set role $role
\set password '${password//\'/\'\'}'
set log_statement = none;
set log_min_duration_statement = -1;
set log_min_error_statement = panic;
set pg_stat_statements.track_utility = off;
select format('create role %I login', :'name') where to_regrole(:'name') is null \gexec
alter role :"name" with login $attributes password :'password';
grant :"role" to :"name";
SQL
  echo "${name}_1 can log in, as a member of $role"
}

add_login consumer
add_login application
# The write-ahead log has everything, session states included, so the consumer's own login may not read it.
add_login capture auditor replication
add_login viewer
add_login operator
add_login worker operator
