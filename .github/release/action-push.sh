#!/usr/bin/env bash
# The push step of action.yml. Inputs come as variables, so that they are never executed; they are taken out of
# the environment, so that no pattern in `secrets` pushes them.
set -euo pipefail

api_key=$INPUT_API_KEY names=$INPUT_SECRETS scope=$INPUT_SCOPE program=$INPUT_PROGRAM
strict=$INPUT_STRICT dry_run=$INPUT_DRY_RUN
unset INPUT_API_KEY INPUT_SECRETS INPUT_SCOPE INPUT_PROGRAM INPUT_STRICT INPUT_DRY_RUN
[ -z "$api_key" ] || export AMIKA_API_KEY=$api_key

fail() {
  printf '::error::%s\n' "$1"
  exit 2
}

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
    *) fail "the input $1 must be true or false" ;;
  esac
}

command -v jq >/dev/null || fail "jq is not installed on this runner"
if [ -z "${AMIKA_API_KEY:-}" ]; then
  fork='.pull_request.head.repo.full_name // "" | . != "" and . != $event.repository.full_name'
  if [ -f "${GITHUB_EVENT_PATH:-}" ] && jq -e ". as \$event | $fork" "$GITHUB_EVENT_PATH" >/dev/null; then
    fail "AMIKA_API_KEY is empty: GitHub passes no secrets to a pull request from a fork"
  fi
  fail "AMIKA_API_KEY is empty: is the secret set for this repository, and named in the step's env?"
fi
mask "$AMIKA_API_KEY"
# Commas and line ends separate the names.
names=${names//[$'\r\n']/,}
IFS=, read -r -a patterns <<<"$names"
for pattern in ${patterns[@]+"${patterns[@]}"}; do
  pattern=${pattern//[[:space:]]/}
  while IFS= read -r name; do
    # shellcheck disable=SC2053 # the right side is a pattern
    [[ -n $pattern && $name == $pattern ]] && mask "${!name}"
  done < <(compgen -e)
done

arguments=(secret push --from-env "$names" --yes -o json)
[ -z "$scope" ] || arguments+=(--scope "$scope")
flag strict "$strict"
flag dry-run "$dry_run"
messages=$(mktemp)
status=0
result=$("$program" "${arguments[@]}" 2>"$messages") || status=$?
printf '%s\n' "$result"

# Errors, warnings and rows that failed become annotations. A hint is for the inputs of this action: options that
# it has as an input get the input's name, and a hint about any other option is left out.
jq --raw-input --raw-output '
  def words: gsub("--from-env"; "secrets") | gsub("--(?<input>scope|strict|dry-run)"; .input);
  def line($level): [.message // "" | words] + [.hint // empty | words | select(contains("--") | not)]
    | "::\($level)::" + (join("; ") | gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A"));
  . as $text | (fromjson? // {}) |
  if .error then .error | (.problems // [.])[] | line("error")
  elif .warning then .warning | line("warning")
  elif .notice then .notice | line("notice")
  else $text end' "$messages"
rm "$messages"
[ -n "$result" ] || exit "$status"
jq --raw-output '.results[]? | select(.status | IN("created", "updated", "unchanged") | not)
  | "::error::\(.name): \(.status | gsub("_"; " "))\(if .error then ": " + (.error | tostring) else "" end)"' <<<"$result"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'result<<AMIKA_END_OF_RESULT\n%s\nAMIKA_END_OF_RESULT\n' "$result" >>"$GITHUB_OUTPUT"
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  jq --raw-output '"### Secrets in \(.scope) scope\n\n| name | result |\n|---|---|",
    (.results // .plan | .[] | "| `\(.name)` | \(.status // "would \(.action)" | gsub("_"; " ")) |")' \
    <<<"$result" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
