#!/usr/bin/env python3
"""Writes what package managers need of a release. usage: manifests.py VERSION DIST

DIST holds the six archives. Writes into it SHA256SUMS, amika.rb (Homebrew), amika.json (Scoop), and npm/ with one
folder for each package: six that hold the program for one system, and one that starts it. Fails if an archive is
missing, or is of another version.
"""
import hashlib
import io
import json
import pathlib
import shutil
import sys
import tarfile
import zipfile

version, dist = sys.argv[1], pathlib.Path(sys.argv[2])
HERE = pathlib.Path(__file__).parent
REPOSITORY = "https://github.com/amika-dev/amika"
BASE = f"{REPOSITORY}/releases/download/v{version}"
DESCRIPTION = "Put secrets into a hosted vault, from a shell, a laptop or a CI job"
# Each target with npm's names of its system and processor.
TARGETS = {
    "aarch64-apple-darwin": ("darwin", "arm64"),
    "aarch64-pc-windows-msvc": ("win32", "arm64"),
    "aarch64-unknown-linux-musl": ("linux", "arm64"),
    "x86_64-apple-darwin": ("darwin", "x64"),
    "x86_64-pc-windows-msvc": ("win32", "x64"),
    "x86_64-unknown-linux-musl": ("linux", "x64"),
}


def archive(target):
    return f"amika-{version}-{target}." + ("zip" if "windows" in target else "tar.gz")


found = {file.name for file in dist.glob("amika-*") if file.is_file()}
wanted = {archive(target) for target in TARGETS}
if found != wanted:
    sys.exit(f"error: {dist}: missing {sorted(wanted - found)}, unexpected {sorted(found - wanted)}")
sums = {name: hashlib.sha256((dist / name).read_bytes()).hexdigest() for name in sorted(wanted)}
(dist / "SHA256SUMS").write_text("".join(f"{sum}  {name}\n" for name, sum in sums.items()))


def source(target):
    name = archive(target)
    return f'url "{BASE}/{name}"\n      sha256 "{sums[name]}"'


(dist / "amika.rb").write_text(f"""\
class Amika < Formula
  desc "{DESCRIPTION}"
  homepage "{REPOSITORY}"
  version "{version}"
  license "MIT"

  on_macos do
    on_arm do
      {source("aarch64-apple-darwin")}
    end
    on_intel do
      {source("x86_64-apple-darwin")}
    end
  end

  on_linux do
    on_arm do
      {source("aarch64-unknown-linux-musl")}
    end
    on_intel do
      {source("x86_64-unknown-linux-musl")}
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
    assert_match version.to_s, shell_output("#{{bin}}/amika --version")
  end
end
""")


def scoop(target):
    name = archive(target)
    return {"url": f"{BASE}/{name}", "hash": sums[name], "extract_dir": name.removesuffix(".zip")}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


write_json(
    dist / "amika.json",
    {
        "version": version,
        "description": DESCRIPTION,
        "homepage": REPOSITORY,
        "license": "MIT",
        "architecture": {
            "64bit": scoop("x86_64-pc-windows-msvc"),
            "arm64": scoop("aarch64-pc-windows-msvc"),
        },
        "bin": "amika.exe",
        "checkver": "github",
    },
)


def program(target):
    """The program in an archive."""
    name, data = archive(target), (dist / archive(target)).read_bytes()
    if name.endswith(".zip"):
        return zipfile.ZipFile(io.BytesIO(data)).read(f"{name.removesuffix('.zip')}/amika.exe")
    return tarfile.open(fileobj=io.BytesIO(data)).extractfile(f"{name.removesuffix('.tar.gz')}/amika").read()


def package(name, **members):
    """A folder for `npm publish`."""
    folder = dist / "npm" / name
    folder.mkdir(parents=True)
    about = {"name": f"@amika-dev/{name}", "version": version, "description": DESCRIPTION, "license": "MIT"}
    repository = {"type": "git", "url": f"git+{REPOSITORY}.git"}
    write_json(folder / "package.json", {**about, "repository": repository, **members})
    shutil.copy(HERE.parents[1] / "LICENSE", folder)
    return folder


shutil.rmtree(dist / "npm", ignore_errors=True)
for target, (system, processor) in TARGETS.items():
    folder = package(f"amika-{system}-{processor}", os=[system], cpu=[processor])
    file = folder / ("amika.exe" if system == "win32" else "amika")
    file.write_bytes(program(target))
    file.chmod(0o755)
folder = package(
    "amika",
    bin={"amika": "amika.js"},
    engines={"node": ">=18"},
    optionalDependencies={f"@amika-dev/amika-{s}-{p}": version for s, p in TARGETS.values()},
)
shutil.copy(HERE / "npm-launcher.js", folder / "amika.js")
shutil.copy(HERE.parents[1] / "README.md", folder)
