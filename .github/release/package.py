#!/usr/bin/env python3
"""Makes the release archive for one target, and prints its path.

usage: package.py TARGET PROGRAM OUT [EXTRA…]
  TARGET   the target triple that the program was built for
  PROGRAM  the built program; it prints its completions and man pages, through $RUNNER if that is set
  OUT      the directory for amika-VERSION-TARGET.tar.gz (.zip for Windows)
  EXTRA    further files for the archive

The same files give the same archive: sorted names, no owner, the time of the commit.
"""
import gzip
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

target, program, out, *extra = sys.argv[1:]
root = pathlib.Path(__file__).resolve().parents[2]
runner = os.environ.get("RUNNER", "").split()
windows = "windows" in target


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, cwd=root).stdout


version = re.search(r'^version = "(.+)"$', (root / "Cargo.toml").read_text(), re.MULTILINE)[1]
name = f"amika-{version}-{target}"
program = pathlib.Path(program).resolve()
files = {"amika.exe" if windows else "amika": program.read_bytes()}
for file in [root / "README.md", root / "CHANGELOG.md", root / "LICENSE", *map(pathlib.Path, extra)]:
    files[file.name] = file.read_bytes()
for shell in ["bash", "zsh", "fish", "powershell", "elvish"]:
    suffix = "ps1" if shell == "powershell" else shell
    files[f"completions/amika.{suffix}"] = run(*runner, program, "completions", shell)
with tempfile.TemporaryDirectory() as pages:
    run(*runner, program, "man", "--out", pages)
    for page in pathlib.Path(pages).iterdir():
        files[f"man/{page.name}"] = page.read_bytes()

try:
    seconds = int(run("git", "log", "-1", "--format=%ct"))
except (subprocess.CalledProcessError, FileNotFoundError, ValueError):
    seconds = 946684800  # without a repository: the year 2000, because zip knows no earlier one than 1980

path = pathlib.Path(out) / (name + (".zip" if windows else ".tar.gz"))
path.parent.mkdir(parents=True, exist_ok=True)
if windows:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files):
            info = zipfile.ZipInfo(f"{name}/{file}", time.gmtime(seconds)[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[file])
else:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        with tarfile.open(mode="w", fileobj=packed, format=tarfile.USTAR_FORMAT) as archive:
            for file in sorted(files):
                info = tarfile.TarInfo(f"{name}/{file}")
                info.size, info.mtime = len(files[file]), seconds
                info.mode = 0o755 if file == "amika" else 0o644
                archive.addfile(info, io.BytesIO(files[file]))
print(path)
