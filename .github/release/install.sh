#!/bin/sh
# Installs amika from a release, for Linux and macOS: downloads the archive for this system over https, verifies its
# SHA-256 checksum (and, where the GitHub CLI is logged in, who built it), runs the program once, and only then
# puts it into place. Run it again to upgrade.
#
#   AMIKA_VERSION             the release to install, such as 0.1.0 (default: the latest)
#   AMIKA_INSTALL_DIR         where to put the program (default: ~/.local/bin)
#   AMIKA_EXPECTED_SHA256     the required checksum, instead of the one published with the release
#   AMIKA_DOWNLOAD_URL        the https address of the release files, for mirrors
#   AMIKA_VERIFY_ATTESTATION  1: fail where the build attestation cannot be verified; 0: do not verify it
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
    MINGW* | MSYS* | CYGWIN*)
      fail "this installer is not for Windows" "in PowerShell: irm https://github.com/$repository/releases/latest/download/install.ps1 | iex" ;;
    *) fail "there is no installer for $(uname -s)" "build it with 'cargo install amika --locked'" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no release for $(uname -m)" "build it with 'cargo install amika --locked'" ;;
  esac
  printf '%s-%s' "$machine" "$system"
}

# download URL FILE: over https only, redirects included.
download() {
  curl --proto '=https' --proto-redir '=https' --tlsv1.2 -fsSL --retry 3 -o "$2" "$1" ||
    fail "cannot download $1" "check the network and the version; AMIKA_DOWNLOAD_URL takes an https address"
}

# quoted TEXT: as one word of a shell.
quoted() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
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

# verify_attestation FILE: the GitHub CLI knows attestations since version 2.49, and asks GitHub with a login.
verify_attestation() {
  case ${AMIKA_VERIFY_ATTESTATION:-} in
    0) return ;;
    1) ;;
    *) gh attestation --help >/dev/null 2>&1 && gh auth status >/dev/null 2>&1 || return 0 ;;
  esac
  gh attestation verify "$1" --repo "$repository" >&2 ||
    fail "the attestation of ${1##*/} cannot be verified; nothing was installed" "see https://github.com/$repository/blob/main/SECURITY.md"
}

main() {
  for tool in curl tar gzip mktemp grep sed; do
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
  installed=$directory/amika
  [ ! -d "$installed" ] || fail "$installed is a directory; nothing was installed" "move it away, or set AMIKA_INSTALL_DIR to another directory"

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
  verify_attestation "$work/$archive"

  tar -xzf "$work/$archive" -C "$work" "${archive%.tar.gz}/amika"
  # Nothing can be run from some temporary directories, so the program is tried in the directory of the old one, which a
  # rename then replaces at once.
  new=$directory/.amika.new
  { mkdir -p "$directory" && cp "$work/${archive%.tar.gz}/amika" "$new" && chmod 755 "$new"; } ||
    fail "cannot write to $directory; nothing was installed" "set AMIKA_INSTALL_DIR to a directory of your own"
  version=$("$new" --version) || {
    rm -f "$new"
    fail "the program does not run in $directory; nothing was installed" "set AMIKA_INSTALL_DIR to a directory from which programs may run"
  }
  mv -f "$new" "$installed" || fail "cannot replace $installed"

  printf 'Installed %s in %s\n' "$version" "$directory"
  first=$(command -v amika || true)
  case ":${PATH:-}:" in
    *":$directory:"*)
      [ "$first" = "$installed" ] || printf 'Another amika is found first: %s\n' "${first:-?}" ;;
    *) printf 'Add it to your PATH: export PATH=%s:"$PATH"\n' "$(quoted "$directory")" ;;
  esac
  printf '%s\n' \
    "Completions: amika completions --help   Man pages: amika man --out ~/.local/share/man/man1" \
    "Upgrade: run this installer again       Remove: amika auth logout; rm $(quoted "$installed")"
}

main
