#!/bin/sh
# Installs amika from a release: downloads the archive for this system, verifies its SHA-256
# checksum, runs the verified program once, and only then puts it into place.
#
#   AMIKA_VERSION          the release to install, such as 0.1.0 (default: the latest)
#   AMIKA_INSTALL_DIR      where to put the program (default: ~/.local/bin)
#   AMIKA_EXPECTED_SHA256  the required checksum, instead of the one published with the release
#   AMIKA_DOWNLOAD_URL     the URL of the release files, for mirrors and tests
#
# AMIKA_VERIFY_ATTESTATION=1 also verifies the build attestation; this needs the GitHub CLI.
set -eu

repository=amika-dev/amika

fail() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  hint: %s\n' "$2" >&2
  exit 1
}

target_of_this_system() {
  case "$(uname -s)" in
    Linux) system=unknown-linux-musl ;;
    Darwin) system=apple-darwin ;;
    *) fail "there is no installer for $(uname -s)" "on Windows, download the .zip archive from https://github.com/$repository/releases" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no release for $(uname -m)" "build it with 'cargo install amika --locked'" ;;
  esac
  printf '%s-%s' "$machine" "$system"
}

# download URL FILE: allows only https, except from loopback.
download() {
  case "$1" in
    https://* | http://127.0.0.1:* | http://localhost:*) ;;
    *) fail "refusing to download from $1" "AMIKA_DOWNLOAD_URL takes an https address" ;;
  esac
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is installed" "install one of them"
  fi || fail "cannot download $1" "check the network and the version"
}

# checksum FILE: prints "CHECKSUM  FILE".
checksum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1"
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is installed" "install one of them"
  fi
}

main() {
  for tool in tar gzip mktemp grep; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed" "install it"
  done
  target=$(target_of_this_system)
  if [ -n "${AMIKA_DOWNLOAD_URL:-}" ]; then
    base=${AMIKA_DOWNLOAD_URL%/}
  elif [ -n "${AMIKA_VERSION:-}" ]; then
    base=https://github.com/$repository/releases/download/v${AMIKA_VERSION#v}
  else
    base=https://github.com/$repository/releases/latest/download
  fi
  directory=${AMIKA_INSTALL_DIR:-${HOME:?is not set}/.local/bin}

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  download "$base/SHA256SUMS" "$work/SHA256SUMS"
  # Each line is "CHECKSUM  FILE".
  line=$(grep -- "  amika-[0-9][0-9A-Za-z.+-]*-$target\.tar\.gz\$" "$work/SHA256SUMS" || true)
  [ "$(printf '%s' "$line" | grep -c .)" -eq 1 ] || fail "the release has no archive for $target" "see $base"
  expected=${AMIKA_EXPECTED_SHA256:-${line%% *}}
  archive=${line##* }

  download "$base/$archive" "$work/$archive"
  actual=$(checksum "$work/$archive")
  [ "${actual%% *}" = "$expected" ] ||
    fail "the checksum of $archive is wrong; nothing was installed" "download it again; if it stays wrong, please report it"
  if [ "${AMIKA_VERIFY_ATTESTATION:-}" = 1 ]; then
    gh attestation verify "$work/$archive" --repo "$repository" >&2 ||
      fail "the attestation of $archive cannot be verified; nothing was installed"
  fi

  tar -xzf "$work/$archive" -C "$work"
  program=$work/${archive%.tar.gz}/amika
  version=$("$program" --version) || fail "the program does not run on this system; nothing was installed"

  # A rename within the directory replaces the old program atomically.
  { mkdir -p "$directory" &&
    cp "$program" "$directory/.amika.new" &&
    chmod 755 "$directory/.amika.new" &&
    mv -f "$directory/.amika.new" "$directory/amika"; } ||
    fail "cannot write to $directory; nothing was installed" "set AMIKA_INSTALL_DIR to a directory of your own"
  printf 'Installed %s in %s\n' "$version" "$directory"
  case ":${PATH:-}:" in
    *":$directory:"*) ;;
    *) printf 'Add it to your PATH: export PATH="%s:$PATH"\n' "$directory" ;;
  esac
}

main
