# SPDX-License-Identifier: BSD-2-Clause
"""A system for nestor-install: a folder with a partition, and in PATH the programs that it asks, with boot entries in a
file in the place of the firmware's."""
import json
import os
import pathlib
import subprocess
import tempfile

EFIBOOTMGR = r'''#!/usr/bin/env python3
import json, os, sys
path = os.environ["BOOT_ENTRIES"]
state = json.load(open(path))
words = sys.argv[1:]
def value(name):
    return words[words.index(name) + 1]
if "--create" in words or "--create-only" in words:
    number = next(f"{n:04X}" for n in range(65536) if f"{n:04X}" not in state["entries"])
    state["entries"][number] = [value("--label"), value("--disk"), value("--part"), value("--loader"),
                                value("--unicode") if "--unicode" in words else ""]
    state["order"] = [number] * ("--create" in words) + state["order"]
elif "--delete-bootnum" in words:
    del state["entries"][value("--bootnum")]
    state["order"] = [n for n in state["order"] if n != value("--bootnum")]
    state["next"] = None if state["next"] == value("--bootnum") else state["next"]
elif "--bootnext" in words:
    state["next"] = value("--bootnext")
else:
    for number, (label, disk, part, loader, text) in sorted(state["entries"].items()):
        print(f"Boot{number}* {label}" + (f"\tHD({part},GPT)/File({loader}){text}" if "-v" in words else ""))
json.dump(state, open(path, "w"))
'''
PROGRAMS = {
    "efibootmgr": EFIBOOTMGR,
    "findmnt": '#!/bin/sh\n[ "$2" = SOURCE ] && echo /dev/sdz3 || echo vfat\n',
    "lsblk": '#!/bin/sh\n[ "$3" = /dev/sdz3 ] && echo sdz\n',
    "blkid": "#!/bin/sh\necho 3\n",
}
START = {"entries": {"0000": ["debian", "/dev/sdz", "3", r"\EFI\debian\shimx64.efi", ""]}, "order": ["0000"],
         "next": None}


class System:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.esp, self.state, self.bin = (self.root / name for name in ("boot/efi", "var/lib/nestor", "bin"))
        (self.esp / "EFI").mkdir(parents=True)
        self.bin.mkdir()
        for name, text in PROGRAMS.items():
            self.program(name, text)
        self.entries = self.root / "entries.json"
        self.entries.write_text(json.dumps(START))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        self.environment |= {"PATH": f"{self.bin}:{self.environment['PATH']}", "BOOT_ENTRIES": str(self.entries),
                             "NESTOR_STATE": str(self.state)}

    def program(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, *command, **options):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, **options)

    def firmware(self):
        return json.loads(self.entries.read_text())

    def installed(self):
        """{name: bytes} of Nestor's folder on the partition."""
        return {path.name: path.read_bytes() for path in sorted((self.esp / "EFI/nestor").glob("*"))}
