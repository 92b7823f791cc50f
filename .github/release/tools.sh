#!/usr/bin/env bash
# Installs what build.sh needs for one target, into a folder whose bin/ goes in front of PATH.
# usage: tools.sh TARGET FOLDER
set -euo pipefail
target=$1 folder=$2
cd "$(dirname "$0")"

rustup toolchain install "$RUSTUP_TOOLCHAIN" --profile minimal --target "$target"
cargo install --locked --root "$folder" cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
cargo install --locked --root "$folder" cargo-about@0.9.3 --features cli
case $target in
  # A C compiler and a linker for musl, and the wrapper that Cargo calls them by.
  *-linux-musl)
    python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --require-hashes --only-binary :all: -r requirements.txt
    ln -s ../python/bin/cargo-zigbuild "$folder/bin"
    printf '#!/bin/sh\nexec "%s" -m ziglang "$@"\n' "$folder/python/bin/python" >"$folder/bin/zig"
    chmod +x "$folder/bin/zig"
    ;;
esac
