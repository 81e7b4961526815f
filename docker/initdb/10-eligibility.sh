#!/bin/sh
# Runs once, on an empty PostgreSQL: the database and its two roles.
# psql reads the passwords itself, so that they stand in no list of processes.
set -eu
SECRETS_DIR=${SECRETS_DIR:-/run/secrets}
export SECRETS_DIR

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set owner_password `cat "$SECRETS_DIR/owner_password"`
\set service_password `cat "$SECRETS_DIR/service_password"`
-- A statement that fails is logged with its text, passwords included; these are not.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE eligibility_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE eligibility_service LOGIN NOINHERIT PASSWORD :'service_password';
CREATE DATABASE eligibility OWNER eligibility_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE eligibility FROM PUBLIC;
GRANT CONNECT ON DATABASE eligibility TO eligibility_service;
SQL
