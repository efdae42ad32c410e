# SPDX-License-Identifier: BSD-2-Clause
"""A nested machine on this host's own QEMU: with KVM on an Intel host that nests, or without KVM and so without VMX."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import nested
from nested import bochs, qemu

STOP = r"reboot: Power down|Kernel panic|efi-test: end"


def missing(cpuinfo, nests, kvm):
    """What this host lacks, in words; None: it can run Nestor in a guest.

    cpuinfo: the text of /proc/cpuinfo; nests: that of kvm_intel's parameter, "" when it is
    not loaded; kvm: /dev/kvm can be opened.
    """
    if "GenuineIntel" not in cpuinfo:
        return "the host's CPU is not Intel's, and Nestor needs VMX"
    if " vmx" not in cpuinfo:
        return "the host's CPU shows no VMX (off in the firmware, or a virtual machine without it)"
    if not kvm:
        return "/dev/kvm cannot be opened: kvm_intel is not loaded, or there is no right to use it"
    if nests.strip() not in ("Y", "1"):
        return "kvm_intel does not nest: load it with nested=1"
    return None


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def host_lacks():
    return missing(read("/proc/cpuinfo"), read("/sys/module/kvm_intel/parameters/nested"),
                   os.access("/dev/kvm", os.R_OK | os.W_OK))


def command(machine, folder, accel):
    return [qemu.EMU / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", qemu.LIB, "--argv0", "qemu-system-x86_64",
            qemu.EMU / "usr/bin/qemu-system-x86_64", "-L", qemu.EMU / "usr/share/qemu",
            "-drive", f"if=pflash,format=raw,readonly=on,file={qemu.EMU}/usr/share/OVMF/OVMF_CODE_4M.fd",
            *nested.arguments(machine, folder / "disk.img", folder, accel), "-serial", f"file:{folder}/serial.txt"]


def run(machine, accel="kvm", echo=False, timeout=600):
    """-> qemu's Result."""
    with tempfile.TemporaryDirectory(prefix="nestor-kvm-") as folder:
        folder = pathlib.Path(folder)
        nested.make_disk(machine, bochs.guest_data(folder), folder / "disk.img")
        began = time.monotonic()
        with open(folder / "errors.txt", "wb") as errors:
            process = subprocess.Popen(command(machine, folder, accel), stdin=subprocess.DEVNULL, stdout=errors,
                                       stderr=errors, start_new_session=True,
                                       env=dict(os.environ, QEMU_MODULE_DIR=str(qemu.LIB / "qemu")))
        serial = folder / "serial.txt"
        try:
            ended = qemu.watch(process, serial, qemu.Options(stop=STOP, timeout=timeout, echo=echo))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        text = serial.read_bytes().decode(errors="replace") if serial.exists() else ""
        return qemu.Result(nested.plain(text), (folder / "errors.txt").read_text(errors="replace"),
                           time.monotonic() - began, ended)
