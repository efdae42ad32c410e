# SPDX-License-Identifier: BSD-2-Clause
"""The tests' disk images: an EFI system partition and data partitions."""
import hashlib
import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools"))
import gpt    # noqa: E402

SECTOR, MIB = gpt.SECTOR, gpt.MIB
ESP_MIB, DATA_MIB = 64, 4
# Behind what the guest reads and what it writes to test the disk (guest/init, guest/steps/status.sh).
PAGE_AT = MIB + ESP_MIB * MIB + 56 * 65536
DATA_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


def pattern(size, seed):
    """The same bytes for the same seed, different in every sector."""
    out = bytearray()
    for sector in range(size // SECTOR):
        out += hashlib.sha512(f"{seed} {sector}".encode()).digest() * (SECTOR // 64)
    return bytes(out)


def make(path, files, payload=b"", esp_mib=ESP_MIB, data_mib=DATA_MIB):
    """An image with `files` {"/EFI/x": bytes or path} on its ESP, then test data, then the payload."""
    esp_first, esp_count = MIB // SECTOR, esp_mib * MIB // SECTOR
    data_first, data_count = esp_first + esp_count, data_mib * MIB // SECTOR
    more_first, more_count = data_first + data_count, (len(payload) + MIB) // MIB * MIB // SECTOR
    total = more_first + more_count + MIB // SECTOR
    with open(path, "wb") as image:
        gpt.write(image, total, [(gpt.ESP_TYPE, esp_first, esp_count), (DATA_TYPE, data_first, data_count),
                                 (DATA_TYPE, more_first, more_count)])
        image.seek(data_first * SECTOR)
        image.write(pattern(data_mib * MIB, "disk"))
        image.seek(more_first * SECTOR)
        image.write(payload)
    gpt.fill(path, esp_count, files)


def page(path):
    """What the guest's step `picture` left on an image made with these sizes; None: nothing."""
    with open(path, "rb") as image:
        image.seek(PAGE_AT)
        data = image.read(MIB + (ESP_MIB + DATA_MIB) * MIB - PAGE_AT)
    return data.split(b"\0")[0] if data.startswith(b"<!doctype html>") else None
