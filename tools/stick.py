#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tools/stick.py IMAGE PROGRAM CONFIG: an image for a USB stick. Firmware boots \\EFI\\BOOT\\BOOTX64.EFI of it, and
Nestor then starts what follows the stick in the firmware's boot order."""
import sys

import gpt

MIB_OF_FILES = 40          # the least that mformat makes a FAT32 of with clusters of a sector


def main():
    path, program, config = sys.argv[1:]
    sectors = MIB_OF_FILES * gpt.MIB // gpt.SECTOR
    first = gpt.MIB // gpt.SECTOR
    with open(path, "wb") as image:
        gpt.write(image, first + sectors + first, [(gpt.ESP_TYPE, first, sectors)])
    gpt.fill(path, sectors, {"/EFI/BOOT/BOOTX64.EFI": program, "/EFI/nestor/nestor.conf": config})


if __name__ == "__main__":
    main()
