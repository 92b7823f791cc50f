#!/usr/bin/env bash
# Prints the notes of a release. usage: notes.sh VERSION
# Fails unless Cargo.toml, action.yml and a dated section of CHANGELOG.md have exactly this version.
set -euo pipefail
version=$1
cd "$(dirname "$0")/../.."

fail() { printf 'error: %s\n' "$1" >&2; exit 1; }

grep -qxF "version = \"$version\"" Cargo.toml || fail "Cargo.toml is not version $version"
grep -qxF "    default: $version" action.yml || fail "action.yml does not install version $version"
heading=$(awk -v version="$version" '/^## / && $2 == version' CHANGELOG.md)
[[ $heading =~ ^##\ [^\ ]+\ -\ [0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
  fail "CHANGELOG.md has no line '## $version - YYYY-MM-DD'"
notes=$(awk -v version="$version" '/^## / { inside = $2 == version; next } inside' CHANGELOG.md)
[[ $notes =~ [^[:space:]] ]] || fail "CHANGELOG.md says nothing about $version"
printf '%s\n' "$notes"
