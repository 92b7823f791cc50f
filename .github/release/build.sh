#!/usr/bin/env bash
# Builds the program for one target and makes its archive, with the lists of what is inside.
# usage: build.sh TARGET OUT
#   TARGET  the target triple
#   OUT     the directory for the archive
# RUNNER is a program that runs the built one, if this machine cannot (qemu-aarch64, wine).
# BUILD_STD=1 builds the standard library as well, for a compiler that has only its source.
set -euo pipefail
target=$1
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/../.."
work=${CARGO_TARGET_DIR:-$PWD/target}/release-$target
mkdir -p "$work"
python=$(command -v python3 || command -v python)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TARGET=$target

# The same source gives the same program, whoever builds it where: no path of this machine is in it.
# Git Bash on Windows has the system's own spelling of a path under pwd -W.
place() { (cd "$1" && pwd -W 2>/dev/null || pwd); }
flags=("--remap-path-prefix=$(place "${CARGO_HOME:-$HOME/.cargo}")=/cargo" "--remap-path-prefix=$(place .)=/amika")
build=(build)
std=()
case $target in
  # zig brings a C compiler and a linker for musl.
  *-linux-musl) build=(zigbuild) ;;
  # A fresh Windows has no VCRUNTIME140.dll.
  *-windows-msvc) flags+=(-Ctarget-feature=+crt-static) ;;
esac
if [ -n "${BUILD_STD:-}" ]; then
  source=$(realpath "$(rustc --print sysroot)/lib/rustlib/src/rust")
  flags+=("--remap-path-prefix=$source=/rustc" "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc")
  # Without rustup's target, zig has the start files of musl.
  [[ $target != *-musl ]] || flags+=(-Clink-self-contained=no)
  std=("-Zbuild-std=std,panic_abort")
fi
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
cargo auditable "${build[@]}" --release --locked --bin amika --target "$target" ${std[@]+"${std[@]}"}
program=${CARGO_TARGET_DIR:-target}/$target/release/amika
[ -e "$program" ] || program=$program.exe

cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --no-build-deps --override-filename amika.cdx
cargo about generate --locked --config .github/release/about.toml .github/release/about.hbs --target "$target" \
  --output-file "$work/THIRD-PARTY-NOTICES.txt"
"$python" .github/release/contents.py "$target" "$program" amika.cdx.json "$work/THIRD-PARTY-NOTICES.txt" \
  >"$work/amika.cdx.json"
rm amika.cdx.json
"$python" .github/release/package.py "$target" "$program" "$out" "$work/amika.cdx.json" "$work/THIRD-PARTY-NOTICES.txt"
