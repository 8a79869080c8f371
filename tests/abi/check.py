#!/usr/bin/env python3
"""check.py LIBRARY HEADER [DUMP]: do programs that were compiled against the last release run with LIBRARY?

SPDX-License-Identifier: Apache-2.0

Allowed are new functions, new members at the end of structs that begin with their size, and new enumerators. abidiff knows
no such structs, so what is allowed is taken out of the new dump before it compares. A change that breaks programs needs
another soname: samlet_soversion in CMakeLists.txt. DUMP is that of the release, by default the one beside this script.
"""
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77


def soname_of(library):
    text = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    return re.search(r"\(SONAME\).*\[(.*)\]", text).group(1)


def number(soname):
    return int(soname.rsplit(".", 1)[1])


def members(struct):
    """(offset in bits, name, element) of each member."""
    return [(int(m.get("layout-offset-in-bits")), m.find("var-decl").get("name"), m) for m in struct.findall("data-member")]


def is_sized(struct):
    first = min(members(struct), key=lambda member: member[0], default=None)
    return first is not None and first[1] == "size"


def by_name(dump, tag):
    return {node.get("name"): node for node in dump.iter(tag) if node.get("is-declaration-only") != "yes"}


def take_out_what_is_allowed(old, new):
    structs = by_name(old, "class-decl")
    for name, struct in by_name(new, "class-decl").items():
        before = structs.get(name)
        if before is None or not is_sized(before):
            continue
        names = {member[1] for member in members(before)}
        last = max(member[0] for member in members(before))
        added = [member for member in members(struct) if member[1] not in names and member[0] > last]
        for _, _, node in added:
            struct.remove(node)
        if added:
            struct.set("size-in-bits", before.get("size-in-bits"))
    enums = by_name(old, "enum-decl")
    for name, enum in by_name(new, "enum-decl").items():
        if name not in enums:
            continue
        values = {e.get("name"): e.get("value") for e in enums[name].findall("enumerator")}
        for enumerator in enum.findall("enumerator"):
            if enumerator.get("name") not in values:
                enum.remove(enumerator)
            elif enumerator.get("name").endswith("_COUNT"):  # of the others
                enumerator.set("value", values[enumerator.get("name")])


def main():
    library, header = sys.argv[1:3]
    if not shutil.which("abidiff"):
        print("skipped: no abidiff (tools/setup_dependencies.sh --tests installs it)")
        return SKIPPED
    dumps = [Path(path) for path in sys.argv[3:4]] or list(HERE.glob("libsamlet.so.*.abi"))
    if len(dumps) != 1:
        print(f"abi: there must be one dump of a release in {HERE}, not {len(dumps)}")
        return 1
    old = ET.parse(dumps[0])
    released, soname = old.getroot().get("soname"), soname_of(library)
    if number(soname) > number(released):
        print(f"abi: {soname} may break what was compiled against {released}")
        return 0
    if soname != released:
        print(f"abi: {soname} is older than the release's {released}")
        return 1

    with tempfile.TemporaryDirectory() as folder:
        now = Path(folder) / "now.abi"
        subprocess.run([HERE / "dump.sh", library, header, now], check=True)
        new = ET.parse(now)
        take_out_what_is_allowed(old, new)
        new.write(now)
        done = subprocess.run(["abidiff", "--no-added-syms", dumps[0], now], capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        print(f"abi: programs that were compiled against the last release would break. Allowed: see {Path(__file__).name}")
        return 1
    print(f"abi: compatible with the last release, {released}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
