# SPDX-License-Identifier: BSD-2-Clause
"""A machine in which Nestor is nested: QEMU with KVM, OVMF, Nestor, a stock kernel or an EFI program.

What is in it is a Nested(...); its disk is boot_disk(), its QEMU arguments are arguments(). Who runs it is another
matter: a KVM host inside Bochs (host.py), or this host's own QEMU (here.py).
"""
import dataclasses
import importlib.util
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "qemu"), str(HERE.parent / "bochs")]
import disk            # noqa: E402
from guest import initrd  # noqa: E402


def load(name, path):
    """Loads the machine.py of a tier: both have one."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


qemu = load("qemu_machine", HERE.parent / "qemu/machine.py")
bochs = load("bochs_machine", HERE.parent / "bochs/machine.py")
TOP = qemu.TOP

# pci=lastbus=0: each of 8,000 reads of buses that are not there costs two exits to QEMU.
CMDLINE = "console=ttyS0,115200 panic=-1 mitigations=off rodata=off cryptomgr.notests pci=lastbus=0"
MODULES = (*initrd.WANTED, "ahci")
# boot.txt and nestor.conf have room on the disk for those of any machine that shares it.
BOOT_TXT, CONFIG = 8192, 1024
SHARE = "/share"             # where the KVM host has all files


@dataclasses.dataclass(frozen=True)
class Nested:
    name: str
    cpus: int = 1
    memory: int = 512                    # MiB
    cpu: str = "host"
    irqchip: str = "split"               # interrupt remapping wants the I/O APIC in QEMU
    unit: str = "scalable-mode=on"       # options of intel-iommu; None: no unit
    net: str = "e1000"
    nvme: bool = False                   # a second disk
    kernel: str = "forky"
    cmdline: str = "intel_iommu=on,sm_on"
    steps: str = "info,iommu,disk,net,usb,irqs"  # of guest/init
    steps_after_reset: str = ""
    then: tuple = ()                     # kernels for kexec: bochs.Kernel
    initrd: str = None                   # a path; default: ours
    quiet: bool = True                   # each character on the serial port costs two exits to QEMU
    config: str = ""                     # nestor.conf
    efi: pathlib.Path = None             # an EFI program in place of the kernel
    efi_options: str = ""
    nestor_efi: pathlib.Path = TOP / "obj/nestor.efi"
    stops: int = 0                       # so often it is stopped for 3 s, from the guest's word on
    checks: bool = False                 # QEMU sends machine checks while its program asks for them
    resets: bool = False                 # the machine may reset; else a reset ends it
    limit: int = 120                     # seconds of the KVM host

    def common_words(self):
        return "quiet " + CMDLINE if self.quiet else CMDLINE

    def modules(self):
        return (*MODULES, *(("nvme",) if self.nvme else ()), *(("e1000e",) if self.net == "e1000e" else ()))


def plain(text):
    """A serial port's text without what is for a terminal."""
    return re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", text.replace("\r", ""))


def boot_txt(nested, sums):
    """The boot options that dmar.efi makes: Nestor's, then the kernel's or the program's."""
    lines = ["Nestor\t\\EFI\\nestor\\nestor.efi\t"]
    if nested.efi is not None:
        lines += [f"Test\t\\test.efi\t{nested.efi_options}"]
    else:
        words = [nested.common_words(), r"initrd=\initrd.img", nested.cmdline, *sums, f"nestor.steps={nested.steps}"]
        words += [f"nestor.steps_after_reset={nested.steps_after_reset}"] if nested.steps_after_reset else []
        lines += ["Linux\t\\vmlinuz.efi\t" + " ".join(words)]
    return "".join(line + "\n" for line in lines).encode().ljust(BOOT_TXT, b"\0")


def boot_config(nested):
    return f"# {nested.name}\n{nested.config}".encode().ljust(CONFIG, b"\n")


def disk_key(nested):
    """Equal for machines whose disks differ in boot.txt and nestor.conf alone."""
    if nested.efi:
        return nested.nestor_efi, nested.efi
    return (nested.nestor_efi, nested.kernel, nested.initrd, nested.modules(),
            *(dataclasses.astuple(kernel) for kernel in nested.then))


def make_disk(nested, sums, path):
    files = {"/EFI/BOOT/BOOTX64.EFI": qemu.PROGRAMS / "dmar.efi", "/EFI/nestor/nestor.efi": nested.nestor_efi,
             "/boot.txt": boot_txt(nested, sums), "/EFI/nestor/nestor.conf": boot_config(nested)}
    payload = b""
    if nested.efi:
        files["/test.efi"] = nested.efi
    else:
        image, tree = bochs.kernel_paths(nested.kernel)
        files["/vmlinuz.efi"] = image
        files["/initrd.img"] = (pathlib.Path(nested.initrd) if nested.initrd else
                                initrd.build(tree, wanted=nested.modules(), steps=nested.steps))
        payload = bochs.kexec_payload(nested.then, nested.common_words(), sums, nested.modules())
    disk.make(path, files, payload, esp_mib=48)


def arguments(nested, boot, share=SHARE, accel="kvm"):
    """QEMU's arguments after its name; `boot` is the disk's path, `share` holds usb.img and net/."""
    n = nested
    out = ["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"]
    out += [] if n.resets else ["-no-reboot"]
    out += ["-machine", f"q35,accel={accel}" + (f",kernel-irqchip={n.irqchip}" if accel == "kvm" else ""),
            "-cpu", n.cpu, "-smp", str(n.cpus), "-m", str(n.memory),
            "-drive", f"if=none,id=boot,format=raw,snapshot=on,file={boot}"]
    # QEMU asks a device for its unit when it plugs the device in: the unit comes first.
    out += ["-device", ",".join(filter(None, ("intel-iommu", n.unit)))] if n.unit is not None else []
    out += ["-device", "ide-hd,drive=boot,bootindex=0",
            # Without a ROM OVMF does not start a network stack.
            "-device", f"{n.net},netdev=net,mac=52:54:00:12:34:56,romfile=",
            "-netdev", f"user,id=net,net=192.168.10.0/24,host=192.168.10.1,tftp={share}/net",
            "-device", "piix3-usb-uhci,id=uhci", "-device", "usb-storage,drive=usb,bus=uhci.0",
            "-drive", f"if=none,id=usb,format=raw,snapshot=on,file={share}/usb.img"]
    if n.nvme:
        out += ["-drive", f"if=none,id=nvme,format=raw,snapshot=on,file={share}/usb.img",
                "-device", "nvme,drive=nvme,serial=nestor"]
    return out
