#!/bin/bash
# Starts PostgreSQL as the container's only process. Arguments go to it: `-c fsync=off`.
# The first start makes the cluster and its databases, whole or not at all. Settings by environment:
#   POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE  of the role postgres; the first start requires one
#   CRON_DATABASE_NAME                           where pg_cron may be created (default: singularity)
set -euo pipefail
umask 077

refuse() {
  echo "postgres: $*" >&2
  exit 1
}

read_password() {
  if [[ -z ${POSTGRES_PASSWORD_FILE:-} ]]; then
    printf '%s' "${POSTGRES_PASSWORD:-}"
  elif [[ -n ${POSTGRES_PASSWORD:-} ]]; then
    refuse "POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set; keep one of them"
  else
    cat -- "$POSTGRES_PASSWORD_FILE"
  fi
}

# Works beside the final place and moves there at the end: a start that was killed begins afresh.
make_cluster() {
  local new=$PGDATA.new password database
  password=$(read_password)
  [[ -n $password ]] || refuse "there is no cluster in $PGDATA yet, and to make one the role postgres" \
    "needs a password: set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE to the path of a file that holds it"
  rm -rf "$new"
  mkdir -p "$(dirname "$PGDATA")"
  initdb --pgdata="$new" --username=postgres --pwfile=<(printf '%s\n' "$password") \
    --auth-local=peer --auth-host=scram-sha-256 --data-checksums --no-instructions \
    --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 >/dev/null
  echo "host all all all scram-sha-256" >>"$new/pg_hba.conf"
  for database in singularity centralcloud; do
    postgres --single -D "$new" -c exit_on_error=on postgres <<<"create database $database" >/dev/null
  done
  mv --no-target-directory "$new" "$PGDATA"
}

case ${1:-} in
  postgres) shift ;;
  -* | "") ;;
  *) exec "$@" ;;
esac

[[ -s $PGDATA/PG_VERSION ]] || make_cluster
unset POSTGRES_PASSWORD

settings=(-c "config_file=/etc/centralcloud/postgresql.conf")
settings+=(-c "cron.database_name=${CRON_DATABASE_NAME:-singularity}")
# Minors since August 2026 refuse wal2json until this is set; older ones don't know the setting and
# would refuse to start with it.
if [[ $(postgres --describe-config) == *$'\n'output_plugin_libraries$'\t'* ]]; then
  settings+=(-c "output_plugin_libraries=pgoutput, test_decoding, wal2json")
fi
exec postgres -D "$PGDATA" "${settings[@]}" "$@"
