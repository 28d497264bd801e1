#!/usr/bin/env bash
# What the tests need besides the .venv: a browser, Node.js for tsc and its test runner, a Java runtime and Maven for the
# Kafka broker, nginx and Caddy for the proxies' tests, PostgreSQL for the history's.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/apt.sh

command -v chromium >/dev/null || need "Chromium" chromium
command -v node >/dev/null || need "Node.js" nodejs
command -v npm >/dev/null || need "npm" npm
command -v java >/dev/null || need "a Java runtime" openjdk-17-jre-headless
command -v mvn >/dev/null || need "Maven" maven
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || need "nginx" nginx-light
command -v caddy >/dev/null || need "Caddy" caddy
[ -n "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || command -v initdb >/dev/null || need "PostgreSQL" postgresql
.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[kafka,postgres,dev]'
npm ci --silent
# Autobahn's cases for WebSockets, and the client that runs them: nothing that Isotherm itself should see.
[ -x .venv/autobahn/bin/python ] || .venv/bin/python -m venv .venv/autobahn
.venv/autobahn/bin/python -m pip install --quiet --disable-pip-version-check --no-deps autobahntestsuite==25.10.1
.venv/autobahn/bin/python -m pip install --quiet --disable-pip-version-check autobahn==26.10.2
