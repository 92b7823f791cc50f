#!/usr/bin/env bash
# Publishes a release that was built, tested, attested and verified. usage: publish.sh STEP VERSION DIST
# Each step does nothing where its work is done already, so that a second run continues.
#   draft   uploads the files to a draft on GitHub, which only maintainers see
#   crate   publishes the crate; $CARGO_REGISTRY_TOKEN is for this step alone
#   npm     publishes the npm packages of DIST/npm, the one that depends on the others last
#   public  makes the draft public
set -euo pipefail
step=$1 version=$2 dist=$(realpath "$3")
here=$(dirname "$(realpath "$0")")
cd "$here/../.."
tag=v$version

is_draft() { gh release view "$tag" --json isDraft --jq .isDraft 2>/dev/null; }

case $step in
  draft)
    case $(is_draft || echo none) in
      none)
        notes=$("$here/notes.sh" "$version")
        gh release create "$tag" --verify-tag --draft --title "$tag" --notes "$notes"
        ;;
      false) echo "$tag is public already" && exit 0 ;;
    esac
    # A file that was uploaded in part is replaced.
    gh release upload "$tag" --clobber "$dist"/amika-* "$dist"/SHA256SUMS "$dist"/amika.rb "$dist"/amika.json \
      "$here"/install.sh "$here"/install.ps1
    ;;
  crate)
    # Without --registry, cargo tells about the package of this checkout.
    if cargo info --quiet --registry crates-io "amika@$version" >/dev/null 2>&1; then
      echo "amika $version is published already" && exit 0
    fi
    # Its content was verified without a token, and no build script runs beside one.
    cargo publish --locked --no-verify
    ;;
  npm)
    main=$dist/npm/amika-dev-amika-$version.tgz
    for package in "$dist"/npm/amika-dev-amika-[!0-9]*.tgz "$main"; do
      name=$(basename "$package" "-$version.tgz")
      name=@amika-dev/${name#amika-dev-}
      if [ "$(npm view "$name@$version" version 2>/dev/null)" = "$version" ]; then
        echo "$name $version is published already"
      else
        # This version publishes with the identity of the workflow instead of a stored token.
        npx --yes npm@11.6.2 publish --ignore-scripts --access public "$package"
      fi
    done
    ;;
  public)
    [ "$(is_draft)" = true ] || { echo "$tag is public already" && exit 0; }
    gh release edit "$tag" --draft=false --latest
    ;;
  *) echo "error: unknown step $step" >&2 && exit 2 ;;
esac
