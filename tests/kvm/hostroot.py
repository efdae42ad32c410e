# SPDX-License-Identifier: BSD-2-Clause
"""The file system of the KVM host: QEMU with its libraries, OVMF, and what its machines need."""
import mmap
import pathlib
import shutil
import subprocess


def libraries(emu):
    """What qemu-system-x86_64 is linked to, as its own loader finds it."""
    lib = emu / "usr/lib/x86_64-linux-gnu"
    out = subprocess.run([emu / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", lib, "--list",
                          emu / "usr/bin/qemu-system-x86_64"], capture_output=True, text=True, check=True)
    return [pathlib.Path(line.split("=>")[1].split("(")[0].strip())
            for line in out.stdout.splitlines() if "=>" in line]


def build(emu, root, image):
    """
    Adds QEMU to the folder `root` and makes an ext4 image of all that is there; -> its bytes. Needs no right to
    mount anything.
    """
    for folder in ("bin", "lib64", "lib/x86_64-linux-gnu", "share/qemu", "dev", "proc", "sys", "tmp", "var"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "var/tmp").symlink_to("/tmp")
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for source in libraries(emu):
        shutil.copy(source.resolve(), root / "lib/x86_64-linux-gnu" / source.name)
    shutil.copy((emu / "usr/lib64/ld-linux-x86-64.so.2").resolve(), root / "lib64/ld-linux-x86-64.so.2")
    shutil.copy(emu / "usr/bin/qemu-system-x86_64", root / "bin")
    shutil.copy(emu / "usr/share/qemu/kvmvapic.bin", root / "share/qemu")
    shutil.copy(emu / "usr/share/OVMF/OVMF_CODE_4M.fd", root / "share/OVMF_CODE_4M.fd")
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    mke2fs = shutil.which("mke2fs") or "/usr/sbin/mke2fs"
    subprocess.run([mke2fs, "-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum,^64bit", "-m", "0", "-d", root,
                    image, f"{(size >> 20) + (size >> 24) + 64}M"], check=True, stdout=subprocess.DEVNULL)
    with open(image, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
