#!/usr/bin/env bash
# Unpacks an archive and tries its program without a login. usage: smoke.sh ARCHIVE
# RUNNER is a program that runs the archived one, if this machine cannot.
set -euo pipefail
archive=$(realpath "$1")
python=$(command -v python3 || command -v python)
unset AMIKA_API_KEY AMIKA_STATE_DIRECTORY
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
case $archive in
  *.zip) "$python" -m zipfile -e "$archive" . ;;
  *) tar -xzf "$archive" ;;
esac
cd amika-*
program=./amika
[ -e $program ] || program=./amika.exe
amika() {
  # shellcheck disable=SC2086 # a command with its arguments
  HOME=$work USERPROFILE=$work AMIKA_KEYCHAIN=off ${RUNNER:-} $program "$@"
}
amika --version
amika secret extract
status=0
amika secret list || status=$?
[ "$status" -eq 3 ] || { echo "error: 'secret list' without a login exits with $status, not 3" >&2 && exit 1; }
for file in completions/amika.bash man/amika-secret-push.1 THIRD-PARTY-NOTICES.txt amika.cdx.json LICENSE; do
  [ -s "$file" ] || { echo "error: the archive has no $file" >&2 && exit 1; }
done
