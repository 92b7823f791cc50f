#!/usr/bin/env bash
# Installs what build.sh needs for one target, beside cargo. usage: tools.sh TARGET
set -euo pipefail
target=$1
cd "$(dirname "$0")"

rustup toolchain install "$RUSTUP_TOOLCHAIN" --profile minimal --no-self-update --target "$target"
cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
cargo install --locked cargo-about@0.9.3 --features cli
case $target in
  # zig is a C compiler and a linker for musl; cargo-zigbuild makes Cargo use it.
  *-linux-musl)
    home=${CARGO_HOME:-$HOME/.cargo}
    python3 -m venv "$home/zig"
    "$home/zig/bin/pip" install --quiet --require-hashes --only-binary :all: -r requirements.txt
    ln -sf ../zig/bin/cargo-zigbuild "$home/bin"
    printf '#!/bin/sh\nexec "%s" -m ziglang "$@"\n' "$home/zig/bin/python" >"$home/bin/zig"
    chmod +x "$home/bin/zig"
    ;;
esac
