#!/usr/bin/env bash
# Packs the npm packages of DIST/npm in place, and starts the program from the two of this system.
# usage: npm.sh VERSION DIST
set -euo pipefail
version=$1
cd "$2/npm"
for package in */; do
  npm pack --silent "./$package" >/dev/null
  rm -r "$package"
done

npm=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ours=amika-$(node -p '`${process.platform}-${process.arch}`')
# The packages of other systems are optional, and not published yet, so they cannot be looked up.
npm install --silent --no-audit --no-fund --offline --omit=optional \
  "$npm/amika-dev-amika-$version.tgz" "$npm/amika-dev-$ours-$version.tgz"
[ "$(node_modules/.bin/amika --version)" = "amika $version" ]
status=0
HOME=$work AMIKA_KEYCHAIN=off node_modules/.bin/amika secret list || status=$?
[ "$status" -eq 3 ] || { echo "error: 'secret list' without a login exits with $status, not 3" >&2 && exit 1; }
