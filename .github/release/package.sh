#!/usr/bin/env bash
# Makes the release archive for one target.
# usage: package.sh TARGET PROGRAM OUT [EXTRA…]
#   TARGET   the target triple that the program was built for
#   PROGRAM  the built program; it must run here, to print its completions and man pages
#   OUT      the directory for amika-VERSION-TARGET.tar.gz (.zip for Windows)
#   EXTRA    further files for the archive, such as the SBOM and the third-party notices
set -euo pipefail
target=$1 program=$(realpath "$2") out=$3
shift 3
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
name=amika-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/completions" "$work/$name/man" "$out"
out=$(realpath "$out")

case $target in
  *windows*) cp "$program" "$work/$name/amika.exe" ;;
  *) install -m 755 "$program" "$work/$name/amika" ;;
esac
cp README.md CHANGELOG.md LICENSE "$@" "$work/$name/"
for shell in bash zsh fish powershell elvish; do
  "$program" completions "$shell" >"$work/$name/completions/amika.$shell"
done
"$program" man --out "$work/$name/man" >/dev/null

# The archive is reproducible: sorted names, no owner, the time of the commit.
time=$(git log -1 --format=%ct 2>/dev/null || echo 0)
cd "$work"
case $target in
  *windows*)
    find "$name" -exec touch -d "@$time" {} +
    find "$name" -type f | LC_ALL=C sort | if command -v zip >/dev/null; then
      zip -X -q "$out/$name.zip" -@
    else
      7z a -bd -bso0 "$out/$name.zip" "$name"
    fi
    echo "$out/$name.zip"
    ;;
  *)
    tar=tar
    command -v gtar >/dev/null && tar=gtar
    "$tar" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
    echo "$out/$name.tar.gz"
    ;;
esac
