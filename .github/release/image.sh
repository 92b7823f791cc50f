#!/usr/bin/env bash
# Makes the folder from which the container image is built, of the two Linux archives. usage: image.sh VERSION DIST OUT
#
#   docker buildx build --platform linux/amd64,linux/arm64 --file .github/release/Containerfile --tag NAME OUT
set -euo pipefail
version=$1 dist=$2 out=$3
for pair in x86_64:amd64 aarch64:arm64; do
  name=amika-$version-${pair%:*}-unknown-linux-musl
  mkdir -p "$out/${pair#*:}"
  tar -xzf "$dist/$name.tar.gz" -C "$out/${pair#*:}" --strip-components 1 "$name/amika"
done
cp /etc/ssl/certs/ca-certificates.crt "$out"
