#!/usr/bin/env bash
# Rehearses a release on one Linux machine, from a commit to installed programs. usage: rehearse.sh WORK TARGET…
#
#   1. builds each target twice, from two clones in different folders, and compares the archives
#   2. looks for paths of this machine in the programs
#   3. tries each archive (smoke.sh)
#   4. installs it with install.sh from an https server on this machine (Windows: unpacks it), runs the everyday
#      commands against a vault, over http and (Linux) https, and removes it with the printed command
#   5. runs it in an empty root, on Linux: no HOME, no passwd, no certificates
#
# Run as root, with the tools of tools.sh, nginx and openssl; for arm64 also qemu-aarch64-static, which is registered
# with the kernel for the time of the rehearsal; RUNNER_WINDOWS is a program that runs Windows ones, such as wine64.
# ONCE=1 skips the second build. VAULT is the built example dev_vault; without it, it is built.
set -euo pipefail
mkdir -p "$1"
work=$(realpath "$1")
shift
here=$(dirname "$(realpath "$0")")
repository=$(realpath "$here/../..")
step() { printf '\n== %s\n' "$*"; }

background=()
binfmt=
cleanup() {
  [ $? -eq 0 ] || cat "$work/everyday.txt" 2>/dev/null || true
  [ ${#background[@]} -eq 0 ] || kill "${background[@]}" 2>/dev/null || true
  [ -z "$binfmt" ] || echo -1 >"$binfmt/amika-arm64" 2>/dev/null || true
  [ -z "$binfmt" ] || umount "$binfmt" || true
}
trap cleanup EXIT

case " $* " in
  *" aarch64-unknown-linux"*)
    if [ "$(uname -m)" != aarch64 ]; then
      binfmt=$work/binfmt
      mkdir -p "$binfmt"
      mount -t binfmt_misc none "$binfmt"
      [ -e "$binfmt/amika-arm64" ] || printf '%s' ':amika-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$(command -v qemu-aarch64-static)"':F' >"$binfmt/register"
    fi
    ;;
esac

# Both of the same commit, whatever happens to the repository meanwhile.
[ -d "$work/first" ] || git clone --quiet --no-hardlinks "$repository" "$work/first"
[ -d "$work/second" ] || git clone --quiet --no-hardlinks "$work/first" "$work/second"
for run in first second; do
  [ "$run" = first ] || [ -z "${ONCE:-}" ] || continue
  for target in "$@"; do
    step "build $target, $run time"
    runner=
    [[ $target != *windows* ]] || runner=${RUNNER_WINDOWS:-wine64}
    RUNNER=$runner CARGO_TARGET_DIR=$work/$run-target "$work/$run/.github/release/build.sh" "$target" "$work/$run-dist"
  done
done
if [ -z "${ONCE:-}" ]; then
  step "compare"
  (cd "$work/first-dist" && sha256sum amika-*) >"$work/sums"
  cat "$work/sums"
  (cd "$work/second-dist" && sha256sum --check --quiet "$work/sums")
fi

step "paths of this machine"
for target in "$@"; do
  program=$work/first-target/$target/release/amika
  [ -e "$program" ] || program=$program.exe
  for place in "$HOME" "$work" "${CARGO_HOME:-$HOME/.cargo}"; do
    if grep -aqF "$place/" "$program"; then
      echo "error: $place is in $program" >&2
      exit 1
    fi
  done
done
echo none

step "a vault, and an https server"
vault=${VAULT:-$repository/target/debug/examples/dev_vault}
[ -n "${VAULT:-}" ] || (cd "$repository" && cargo build --quiet --locked --example dev_vault)
"$vault" 0 >"$work/vault" &
background+=($!)
until grep -q running "$work/vault"; do sleep 0.1; done
eval "$(grep ^export "$work/vault")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext "subjectAltName=IP:127.0.0.1" -addext "basicConstraints=critical,CA:FALSE" \
  -keyout "$work/key.pem" -out "$work/certificate.pem" 2>/dev/null
tries=0
port=$((20000 + RANDOM % 10000))
cat >"$work/nginx.conf" <<END
daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events {}
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work;
  server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $work/certificate.pem; ssl_certificate_key $work/key.pem;
    location /dist/ { alias $work/first-dist/; }
    location / { proxy_pass $AMIKA_API_URL; }
  }
}
END
"$(type -P nginx || echo /usr/sbin/nginx)" -c "$work/nginx.conf" &
background+=($!)
secure=https://127.0.0.1:$port
export CURL_CA_BUNDLE=$work/certificate.pem
until curl -fso /dev/null -H "Authorization: Bearer $AMIKA_API_KEY" "$secure/secrets" || [ $((tries += 1)) -gt 50 ]; do sleep 0.1; done
(cd "$work/first-dist" && sha256sum amika-* >SHA256SUMS)

# commands PROGRAM…: the commands of the README that ask nothing.
commands() {
  local home=$work/home
  rm -rf "$home"
  mkdir -p "$home/.claude"
  printf 'DATABASE_URL="postgres://app@db/app"\nREDIS_URL=redis://cache\n' >"$home/.env"
  echo '{"claudeAiOauth":{"accessToken":"sk-ant-oat01-made-up","refreshToken":"sk-ant-ort01-made-up","expiresAt":4102444800000,"scopes":["user:inference","user:profile"]}}' >"$home/.claude/.credentials.json"
  printf '%s' "$AMIKA_API_KEY" >"$home/key"
  amika() { (cd "$home" && env -u AMIKA_API_KEY HOME="$home" AMIKA_KEYCHAIN=off "${program[@]}" "$@"); }
  local program=("$@")
  amika auth login --api-key-file key
  amika auth status --check
  amika secret push --from-file .env --dry-run
  amika secret push --from-file .env --yes
  echo key material | amika secret push TLS_KEY --yes
  amika secret extract
  amika secret claude push --type oauth
  amika secret claude list -o json | grep -q Claude
  [ "$(amika secret list -o json | grep -o '"name"' | wc -l)" -eq 3 ]
  amika secret delete DATABASE_URL REDIS_URL TLS_KEY --yes
  amika secret claude delete --name 'Claude OAuth' --yes
  amika auth logout
}

# everyday URL PROGRAM…: the same with the vault at URL.
everyday() {
  # Not before `||`, where bash would go on after a command that failed.
  (AMIKA_API_URL=$1 commands "${@:2}") >"$work/everyday.txt" 2>&1
  echo "the everyday commands over ${1%%:*}: $(wc -l <"$work/everyday.txt") lines"
  rm "$work/everyday.txt"
}

for target in "$@"; do
  step "try $target"
  runner=
  [[ $target != *windows* ]] || runner=${RUNNER_WINDOWS:-wine64}
  archive=("$work/first-dist/amika-"*"-$target."*)
  RUNNER=$runner "$here/smoke.sh" "${archive[0]}"
  if [[ $target == *windows* ]]; then
    step "run $target"
    rm -rf "$work/windows"
    python3 -m zipfile -e "${archive[0]}" "$work/windows"
    # Wine sets the variables that name the home itself. It trusts no certificate but its own, so this is http alone.
    # shellcheck disable=SC2086 # a command with its arguments
    everyday "$AMIKA_API_URL" env AMIKA_STATE_DIRECTORY="Z:$work/home/state" \
      CLAUDE_CONFIG_DIR="Z:$work/home/.claude" $runner "$work"/windows/amika-*/amika.exe
  fi
  [[ $target == *linux* ]] || continue

  step "install $target"
  mkdir -p "$work/tools"
  # The installer asks uname for the processor.
  printf '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo %s\n' "${target%%-*}" >"$work/tools/uname"
  chmod +x "$work/tools/uname"
  printed=$(PATH=$work/tools:$PATH AMIKA_DOWNLOAD_URL=$secure/dist AMIKA_INSTALL_DIR=$work/bin sh "$here/install.sh")
  printf '%s\n' "$printed"
  everyday "$AMIKA_API_URL" "$work/bin/amika"
  SSL_CERT_FILE=$work/certificate.pem everyday "$secure" "$work/bin/amika"

  step "$target in an empty root"
  rm -rf "$work/root"
  mkdir "$work/root"
  cp "$work/bin/amika" "$work/certificate.pem" "$work/root"
  inside() { env -i AMIKA_API_KEY="$AMIKA_API_KEY" A=1 "$@"; }
  empty=("$(type -P chroot || echo /usr/sbin/chroot)" "$work/root" /amika)
  inside AMIKA_API_URL="$AMIKA_API_URL" "${empty[@]}" secret push --from-env A --yes
  inside AMIKA_API_URL="$secure" SSL_CERT_FILE=/certificate.pem "${empty[@]}" secret list
  inside AMIKA_API_URL="$secure" SSL_CERT_FILE=/certificate.pem "${empty[@]}" secret delete A --yes
  status=0
  inside AMIKA_API_URL="$secure" "${empty[@]}" secret list || status=$?
  echo "without certificates: exit $status"
  [ "$status" -eq 6 ]

  eval "rm${printed##*; rm}"
  [ ! -e "$work/bin/amika" ]
  echo "removed"
done
step "rehearsed: $*"
