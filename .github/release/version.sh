#!/usr/bin/env bash
# Prints "version=VERSION" for the steps of the workflow, and fails if a tag is not that version or has no notes.
# A run that was started by hand has no tag, and its section of CHANGELOG.md need not be dated yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [ "${GITHUB_REF_TYPE:-}" = tag ]; then
  [ "$GITHUB_REF_NAME" = "v$version" ] ||
    { echo "error: the tag is $GITHUB_REF_NAME, and Cargo.toml has version $version" >&2 && exit 1; }
  .github/release/notes.sh "$version" >/dev/null
fi
printf 'version=%s\n' "$version"
