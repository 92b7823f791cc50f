#!/usr/bin/env bash
# The push step of action.yml. Inputs are passed as variables, so that they are never executed.
set -euo pipefail

# mask VALUE: GitHub replaces each masked line of text in every later log line.
mask() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    [ -z "$line" ] || printf '::add-mask::%s\n' "$(printf '%s' "$line" | sed 's/%/%25/g; s/\r/%0D/g')"
  done <<<"$1"
}

# flag NAME VALUE: adds --NAME if the input is true. Any other word than false may be a mistake.
flag() {
  case $2 in
    true) arguments+=("--$1") ;;
    false | '') ;;
    *)
      printf '::error::the input %s must be true or false\n' "$1"
      exit 2
      ;;
  esac
}

if [ -n "$INPUT_API_KEY" ]; then
  export AMIKA_API_KEY=$INPUT_API_KEY
fi
unset INPUT_API_KEY
mask "${AMIKA_API_KEY:-}"
# Commas and line ends separate the names.
names=${INPUT_SECRETS//[$'\r\n']/,}
IFS=, read -r -a patterns <<<"$names"
for pattern in "${patterns[@]}"; do
  pattern=${pattern//[[:space:]]/}
  while IFS= read -r name; do
    # shellcheck disable=SC2053 # the right side is a pattern
    [[ -n $pattern && $name == $pattern ]] && mask "${!name}"
  done < <(compgen -e)
done

arguments=(secret push --from-env "$names" --scope "$INPUT_SCOPE" --yes -o json)
flag strict "$INPUT_STRICT"
flag dry-run "$INPUT_DRY_RUN"
status=0
result=$("$AMIKA" "${arguments[@]}") || status=$?
printf '%s\n' "$result"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'result<<AMIKA_END_OF_RESULT\n%s\nAMIKA_END_OF_RESULT\n' "$result" >>"$GITHUB_OUTPUT"
fi
exit "$status"
