#!/usr/bin/env python3
"""Fails unless all lists of what is in a program name everything in it, and nothing else; prints the SBOM.

usage: contents.py TARGET PROGRAM SBOM NOTICES

The lists: what Cargo links (`cargo tree`), what the program says of itself (`cargo auditable`), the SBOM
(`cargo cyclonedx`) and the third-party notices (`cargo about`). The printed SBOM is the one given, reduced to what is
linked, without paths of this machine. The other two may also name packages of Cargo.lock that took part in the build.
"""
import json
import re
import subprocess
import sys
import zlib

target, program, sbom, notices = sys.argv[1:]


def linked():
    """The packages that are linked: without build scripts, macros and what only they use."""
    command = ["cargo", "tree", "--locked", "--edges", "normal,no-proc-macro", "--target", target]
    lines = subprocess.run(
        [*command, "--prefix", "none", "--format", "{p}"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return {tuple(line.split()[:2]) for line in lines}


def embedded():
    """The list in the program: compressed JSON that `cargo auditable` put into a section of its own."""
    data = open(program, "rb").read()
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        try:
            text = zlib.decompressobj().decompress(data[start.start() :], 1 << 24)
            found = json.loads(text)["packages"]
        except (zlib.error, ValueError, KeyError, TypeError):
            continue
        return {(p["name"], "v" + p["version"]) for p in found if p.get("kind") != "build"}
    sys.exit("error: the program has no list of its packages")


def noticed():
    names = re.findall(r"^- (\S+) (\S+)$", open(notices, encoding="utf-8").read(), re.MULTILINE)
    return {(name, "v" + version) for name, version in names}


tree = linked()
lock = re.findall(r'name = "(.+)"\nversion = "(.+)"', open("Cargo.lock", encoding="utf-8").read())
locked = {(name, "v" + version) for name, version in lock}
bom = json.load(open(sbom, encoding="utf-8"))
bom["components"] = [c for c in bom["components"] if (c["name"], "v" + c["version"]) in tree]
refs = {c["bom-ref"] for c in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
bom["dependencies"] = [
    {**d, "dependsOn": [ref for ref in d.get("dependsOn", []) if ref in refs]}
    for d in bom["dependencies"]
    if d["ref"] in refs
]
listed = {(c["name"], "v" + c["version"]) for c in bom["components"] + [bom["metadata"]["component"]]}

failed = False
for name, other in [("the program", embedded()), ("the SBOM", listed), ("the notices", noticed())]:
    extra = other - (tree if name == "the SBOM" else locked)
    for what, faults in [("does not list", tree - other), ("lists what is not there:", extra)]:
        for package in sorted(faults):
            print(f"error: {name} {what} {' '.join(package)}", file=sys.stderr)
            failed = True
text = json.dumps(bom, indent=1)
print(re.sub(r"path\+file://[^\"#]*#", "", text))
sys.exit(failed)
