# SPDX-License-Identifier: BSD-2-Clause
"""Disk images: a GPT, and the files of an EFI system partition, by mtools."""
import binascii
import pathlib
import struct
import subprocess
import uuid

SECTOR = 512
MIB = 1 << 20
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")


def gpt(total, partitions):
    """Protective MBR, primary and backup GPT for [(type, first sector, sectors)]."""
    entries = bytearray(128 * 128)
    for i, (kind, first, count) in enumerate(partitions):
        unique = uuid.uuid5(kind, str(i))
        entries[i * 128:i * 128 + 128] = struct.pack(
            "<16s16sQQQ72s", kind.bytes_le, unique.bytes_le, first, first + count - 1, 0, b"")
    disk_id = uuid.uuid5(ESP_TYPE, "disk").bytes_le

    def header(at, other, table):
        def pack(crc):
            return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, at, other, 34,
                               total - 34, disk_id, table, 128, 128, binascii.crc32(entries))
        return pack(binascii.crc32(pack(0))).ljust(SECTOR, b"\0")

    mbr = bytearray(SECTOR)
    mbr[446:462] = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, total - 1)
    mbr[510:512] = b"\x55\xaa"
    return (bytes(mbr) + header(1, total - 1, 2) + bytes(entries),
            bytes(entries) + header(total - 1, 1, total - 33))


def write(image, total, partitions):
    """The table alone, into an open file of so many sectors."""
    front, back = gpt(total, partitions)
    image.truncate(total * SECTOR)
    image.seek(0)
    image.write(front)
    image.seek((total - 33) * SECTOR)
    image.write(back)


def fill(path, sectors, files):
    """Makes the partition at 1 MiB a FAT file system with `files` {"/EFI/x": bytes or path}."""
    fat = f"{path}@@{MIB}"
    mtools("mformat", "-i", fat, "-T", str(sectors), "-F", "-N", "4e657374", "::")
    made = set()
    for name, content in files.items():
        for parent in reversed(pathlib.PurePosixPath(name).parents):
            if str(parent) not in ("/", *made):
                mtools("mmd", "-i", fat, f"::{parent}")
                made.add(str(parent))
        if isinstance(content, bytes):
            mtools("mcopy", "-i", fat, "-", f"::{name}", stdin=content)
        else:
            mtools("mcopy", "-i", fat, str(content), f"::{name}")


def mtools(*command, stdin=None):
    result = subprocess.run(command, input=stdin, capture_output=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.decode()}")
