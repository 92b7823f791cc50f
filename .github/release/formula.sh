#!/usr/bin/env bash
# Prints the Homebrew formula of a release. usage: formula.sh VERSION SHA256SUMS
set -euo pipefail
version=$1 sums=$2
base=https://github.com/amika-dev/amika/releases/download/v$version

source_of() {
  local file=amika-$version-$1.tar.gz sum
  sum=$(awk -v file="$file" '$2 == file { print $1 }' "$sums")
  [ -n "$sum" ] || { echo "error: $sums has no line for $file" >&2; exit 1; }
  printf '      url "%s/%s"\n      sha256 "%s"\n' "$base" "$file" "$sum"
}

cat <<END
class Amika < Formula
  desc "Put secrets into a hosted vault, from a shell, a laptop or a CI job"
  homepage "https://github.com/amika-dev/amika"
  version "$version"
  license "MIT"

  on_macos do
    on_arm do
$(source_of aarch64-apple-darwin)
    end
    on_intel do
$(source_of x86_64-apple-darwin)
    end
  end

  on_linux do
    on_arm do
$(source_of aarch64-unknown-linux-musl)
    end
    on_intel do
$(source_of x86_64-unknown-linux-musl)
    end
  end

  def install
    bin.install "amika"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/amika.bash" => "amika"
    zsh_completion.install "completions/amika.zsh" => "_amika"
    fish_completion.install "completions/amika.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/amika --version")
  end
end
END
