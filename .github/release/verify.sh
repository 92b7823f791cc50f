#!/usr/bin/env bash
# Verifies the checksums and the attestations of a release. usage: verify.sh DIST
set -euo pipefail
cd "$1"
sha256sum --check --quiet SHA256SUMS
for archive in amika-*.tar.gz amika-*.zip; do
  gh attestation verify "$archive" --repo "$GITHUB_REPOSITORY" --source-ref "$GITHUB_REF" \
    --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/release.yml"
done
