#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tools/pe.py FILE.efi [SECTION=FILE...]: adds sections of data, and says in the header what objcopy cannot: the
program needs no memory that is both writable and executable (DllCharacteristics, NX_COMPAT)."""
import pathlib
import struct
import sys

PE_AT, OPTIONAL, SECTION = 0x3C, 24, 40
SECTION_ALIGNMENT, FILE_ALIGNMENT, SIZE_OF_IMAGE, CHECKSUM, DLL = 32, 36, 56, 64, 70
NX_COMPAT = 0x100
DATA, READ = 0x40, 0x40000000          # IMAGE_SCN_CNT_INITIALIZED_DATA, IMAGE_SCN_MEM_READ


def up(value, to):
    return (value + to - 1) // to * to


class Image:
    def __init__(self, data):
        self.data = bytearray(data)
        self.head = self.get("<I", PE_AT)
        self.optional = self.head + OPTIONAL
        self.table = self.optional + self.get("<H", self.head + 20)

    def get(self, form, at):
        return struct.unpack_from(form, self.data, at)[0]

    def put(self, form, at, value):
        struct.pack_into(form, self.data, at, value)

    def sections(self):
        """[(name, virtual size, address, size in the file, place in the file, flags)]."""
        count = self.get("<H", self.head + 6)
        found = [struct.unpack_from("<8sIIIIIIHHI", self.data, self.table + i * SECTION) for i in range(count)]
        return [(s[0].rstrip(b"\0").decode(), *s[1:5], s[9]) for s in found]

    def add(self, name, content):
        sections = self.sections()
        at = self.table + len(sections) * SECTION
        if at + SECTION > min(s[4] for s in sections if s[3]) or any(s[0] == name for s in sections):
            sys.exit(f"pe: no room for section {name}, or it is there already")
        align = self.get("<I", self.optional + SECTION_ALIGNMENT)
        file_align = self.get("<I", self.optional + FILE_ALIGNMENT)
        address = up(max(s[2] + s[1] for s in sections), align)
        place, size = up(len(self.data), file_align), up(len(content), file_align)
        self.data += bytes(place - len(self.data)) + content + bytes(size - len(content))
        struct.pack_into("<8sIIIIIIHHI", self.data, at, name.encode(), len(content), address, size, place, 0, 0, 0, 0,
                         DATA | READ)
        self.put("<H", self.head + 6, len(sections) + 1)
        self.put("<I", self.optional + SIZE_OF_IMAGE, up(address + len(content), align))

    def finish(self):
        self.put("<H", self.optional + DLL, self.get("<H", self.optional + DLL) | NX_COMPAT)
        self.put("<I", self.optional + CHECKSUM, 0)
        padded = bytes(self.data) + bytes(-len(self.data) % 2)
        total = sum(struct.unpack(f"<{len(padded) // 2}H", padded))
        while total > 0xFFFF:
            total = (total & 0xFFFF) + (total >> 16)
        self.put("<I", self.optional + CHECKSUM, total + len(self.data))


def main():
    path, *added = sys.argv[1:]
    image = Image(pathlib.Path(path).read_bytes())
    for word in added:
        name, _, source = word.partition("=")
        image.add(name, pathlib.Path(source).read_bytes())
    image.finish()
    pathlib.Path(path).write_bytes(image.data)


if __name__ == "__main__":
    main()
