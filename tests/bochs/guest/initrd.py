# SPDX-License-Identifier: BSD-2-Clause
"""The guest's initial RAM disk: busybox, modules of the given kernel, init."""
import gzip
import lzma
import pathlib
import re
import shutil
import subprocess
import tempfile

WANTED = ("ata_piix", "sd_mod", "e1000", "xhci-pci-renesas", "uhci-hcd", "usb-storage", "af_packet")
# Loaded from /later by a step of guest/init.
LATER = {"readonly": ("vfio-pci", "vfio_iommu_type1"), "module": ("attacker",), "region": ("attacker",),
         "virtio": ("virtio_pci", "virtio_blk"), "vfio": ("vfio-pci", "vfio_iommu_type1"),
         "package": ("ext4", "vfat", "nls_cp437", "nls_ascii", "efivarfs")}
BUSYBOX = pathlib.Path("/bin/busybox")
HERE = pathlib.Path(__file__).resolve().parent
OBJ = HERE.parents[2] / "obj/bochs/guest"
MODULES = OBJ.parent / "module"
# For the step of this name alone.
STEP_PROGRAMS = {"control": [OBJ.parent / "nestorctl-later"]}
PROGRAMS = [OBJ / source.stem for source in sorted(HERE.glob("*.c"))] + [OBJ.parents[1] / "nestorctl"]


def read_module(path):
    """The module without its BTF, debug data and signature, which take half of the time to load it."""
    objcopy = shutil.which("x86_64-linux-gnu-objcopy") or "objcopy"
    with tempfile.TemporaryDirectory() as folder:
        plain = pathlib.Path(folder) / "module.ko"
        plain.write_bytes(lzma.open(path).read() if path.suffix == ".xz" else path.read_bytes())
        subprocess.run([objcopy, "-g", "-R", ".BTF", "-R", ".BTF.base", plain], check=True)
        return plain.read_bytes()


def modules(tree, wanted):
    """[(name, bytes)] of the modules that are wanted, the kernel's or ours, each after those it depends on."""
    index = {}
    for path in (*tree.rglob("*.ko*"), *MODULES.glob("*.ko")):
        index[path.name.split(".")[0].replace("-", "_")] = path
    done = {}

    def add(name):
        name = name.replace("-", "_")
        if name in done or name not in index:
            return
        done[name] = None
        content = read_module(index[name])
        found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + content)
        for needed in filter(None, found.group(1).decode().split(",") if found else []):
            add(needed)
        del done[name]
        done[name] = content

    for name in wanted:
        add(name)
    return list(done.items())


def entry(name, mode, content=b"", inode=[0], rdev=(0, 0)):
    """One member of a "newc" archive."""
    inode[0] += 1
    raw = name.encode() + b"\0"
    fields = (inode[0], mode, 0, 0, 1, 0, len(content), 0, 0, *rdev, len(raw), 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + raw
    head += b"\0" * (-len(head) % 4)
    return head + content + b"\0" * (-len(content) % 4)


def build(module_tree, extra=(), wanted=WANTED, steps=""):
    """
    The archive for the kernel whose modules are under module_tree (None: without); extra: [(name, mode, bytes)];
    steps: which steps of guest/init will run.
    """
    out = [entry(d, 0o040755) for d in ("bin", "dev", "proc", "sys", "tmp", "m", "later", "steps")]
    out.append(entry("dev/console", 0o020600, rdev=(5, 1)))
    out.append(entry("bin/busybox", 0o100755, BUSYBOX.read_bytes()))
    out.append(entry("init", 0o100755, (HERE / "init").read_bytes()))
    for path in sorted((HERE / "steps").glob("*.sh")):
        out.append(entry(f"steps/{path.name}", 0o100644, path.read_bytes()))
    for path in PROGRAMS + [path for step in steps.split(",") for path in STEP_PROGRAMS.get(step, ())]:
        out.append(entry(f"bin/{path.name}", 0o100755, path.read_bytes()))
    later = [name for step in steps.split(",") for name in LATER.get(step, ())]
    for folder, names in (("m", wanted), ("later", later)) if module_tree else ():
        for i, (name, content) in enumerate(modules(pathlib.Path(module_tree), names)):
            out.append(entry(f"{folder}/{i:02}-{name}.ko", 0o100644, content))
    for name, mode, content in extra:
        out.append(entry(name, mode, content))
    out.append(entry("TRAILER!!!", 0))
    return gzip.compress(b"".join(out), 1, mtime=0)
