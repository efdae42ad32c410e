# SPDX-License-Identifier: BSD-2-Clause
"""Disk images: GPT with an EFI system partition made by mtools and a data partition."""
import binascii
import hashlib
import pathlib
import struct
import subprocess
import uuid

SECTOR = 512
MIB = 1 << 20
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
DATA_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


def pattern(size, seed):
    """The same bytes for the same seed, different in every sector."""
    out = bytearray()
    for sector in range(size // SECTOR):
        out += hashlib.sha512(f"{seed} {sector}".encode()).digest() * (SECTOR // 64)
    return bytes(out)


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


def make(path, files, payload=b"", esp_mib=64, data_mib=4):
    """An image with `files` {"/EFI/x": bytes or path} on its ESP, then test data, then the payload."""
    esp_first, esp_count = MIB // SECTOR, esp_mib * MIB // SECTOR
    data_first, data_count = esp_first + esp_count, data_mib * MIB // SECTOR
    more_first, more_count = data_first + data_count, (len(payload) + MIB) // MIB * MIB // SECTOR
    total = more_first + more_count + MIB // SECTOR
    front, back = gpt(total, [(ESP_TYPE, esp_first, esp_count), (DATA_TYPE, data_first, data_count),
                              (DATA_TYPE, more_first, more_count)])
    data = pattern(data_mib * MIB, "disk")
    with open(path, "wb") as image:
        image.truncate(total * SECTOR)
        image.write(front)
        image.seek(data_first * SECTOR)
        image.write(data)
        image.seek(more_first * SECTOR)
        image.write(payload)
        image.seek((total - 33) * SECTOR)
        image.write(back)
    fat = f"{path}@@{MIB}"
    mtools("mformat", "-i", fat, "-T", str(esp_count), "-F", "::")
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
