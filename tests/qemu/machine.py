#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU machine: stock QEMU and OVMF, its own VT-d unit, devices that do DMA.

    machine.py [options] PROGRAM.efi     boots it and prints the serial port

Exit status 0: the guest reached its end.
As a module: run(Options(...)) -> Result.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("NESTOR_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
                     / "nestor")
EMU = CACHE / "emu"
LIB = EMU / "usr/lib/x86_64-linux-gnu"
PROGRAMS = TOP / "obj/efi-tests"
END = r"^efi-test: end"
# The places of the devices are part of the tests; without these, QEMU would number them in this order.
DEVICES = ("edu,addr=1,dma_mask=0xffffffffffffffff", "iommu-testdev,addr=2", "iommu-testdev,addr=0x11")
# The unit's options for each set of capabilities; None: a machine without a unit.
UNITS = {
    "none": None,
    "legacy": "",
    "legacy39": "aw-bits=39",
    "legacy-cm": "caching-mode=on",
    "legacy-snoop": "snoop-control=on",
    "second": "scalable-mode=on",
    "second-cm": "scalable-mode=on,caching-mode=on",
    "second-all": "scalable-mode=on,caching-mode=on,snoop-control=on,device-iotlb=on,pasid-bits=20",
    "first": "scalable-mode=on,fsts=on",
    "first-all": "scalable-mode=on,fsts=on,svm=on,device-iotlb=on,pasid-bits=20,snoop-control=on",
}


@dataclasses.dataclass
class Options:
    program: pathlib.Path = None        # what the firmware starts
    unit: str = ""                      # options of intel-iommu; None: no unit
    devices: tuple = DEVICES
    files: dict = dataclasses.field(default_factory=dict)   # of the boot volume: path -> bytes or path
    cpu: str = "max"
    cpus: int = 1
    memory: int = 512                   # MiB
    arguments: tuple = ()               # further ones of QEMU; {dir} holds `host`
    host: dict = dataclasses.field(default_factory=dict)    # files for QEMU itself: name -> bytes
    keep: pathlib.Path = None           # a folder for the machine's files, which stay; default: a temporary one
    timeout: int = 120
    stop: str = END                     # in the serial text; the machine may also power itself off
    echo: bool = False
    trace: pathlib.Path = None          # the unit's own trace goes there
    firmware: str = "OVMF_CODE_4M.fd"   # of OVMF, with its variables or none that last
    vars: str = None                    # a whole path: of another machine, which kept its files
    boot_device: str = "ide-hd"         # or usb-storage
    disk: pathlib.Path = None           # a whole disk to boot from, in place of the volume with `files`


@dataclasses.dataclass
class Result:
    serial: str
    errors: str                         # what QEMU printed
    seconds: float
    ended: bool                         # by the stop text, not by the time limit


def volume(path, files):
    """A FAT volume without a partition table; the firmware boots it all the same."""
    with open(path, "wb") as out:
        out.truncate(40 << 20)
    tool = shutil.which("mkfs.vfat") or "/sbin/mkfs.vfat"
    subprocess.run([tool, "-F", "32", path], check=True, stdout=subprocess.DEVNULL)
    made = set()
    for name, source in files.items():
        parents = list(pathlib.PurePosixPath(name).parents)[-2::-1]
        for parent in map(str, parents):
            if parent not in made:
                subprocess.run(["mmd", "-i", path, f"::{parent}"], check=True)
                made.add(parent)
        data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
        subprocess.run(["mcopy", "-i", path, "-", f"::{name}"], input=data, check=True)


def command(options, directory):
    o = options
    line = [EMU / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", LIB,
            "--argv0", "qemu-system-x86_64", EMU / "usr/bin/qemu-system-x86_64",
            "-L", EMU / "usr/share/qemu", "-L", EMU / "usr/share/seabios",
            "-machine", "q35,accel=tcg", "-cpu", o.cpu, "-smp", str(o.cpus), "-m", str(o.memory),
            "-display", "none", "-vga", "none", "-nic", "none", "-no-reboot", "-nodefaults",
            "-serial", f"file:{directory}/serial.txt",
            "-drive", f"if=pflash,format=raw,readonly=on,file={EMU}/usr/share/OVMF/{o.firmware}",
            "-drive", f"if=none,id=boot,format=raw,file={o.disk or directory / 'boot.img'}"]
    if o.vars is not None:
        line += ["-drive", f"if=pflash,format=raw,file={directory}/vars.fd"]
        # With Secure Boot in it OVMF lets only SMM write its variables.
        line += ["-global", "driver=cfi.pflash01,property=secure,value=on"] if "secboot" in o.firmware else []
    line += ["-device", "qemu-xhci"] if o.boot_device == "usb-storage" else []
    line += ["-device", f"{o.boot_device},drive=boot,bootindex=0"]
    # The unit comes first: QEMU looks for a device's unit when it plugs the device in.
    if o.unit is not None:
        line += ["-device", ",".join(filter(None, ("intel-iommu", o.unit)))]
    for device in o.devices:
        line += ["-device", device.format(dir=directory)]
    line += [a.format(dir=directory) for a in o.arguments]
    if o.trace is not None:
        line += ["-trace", "vtd_*", "-D", str(o.trace)]
    return line


def watch(process, serial, options):
    """Waits for the stop text, the end of QEMU, or the time limit; False for the last."""
    began, seen, tail = time.monotonic(), 0, ""
    while True:
        ended = process.poll() is not None
        if serial.exists():
            with open(serial, "rb") as source:
                source.seek(seen)
                fresh = source.read()
            seen += len(fresh)
            text = fresh.decode(errors="replace").replace("\r", "")
            if options.echo:
                print(re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", text), end="", flush=True)
            tail = (tail + text)[-65536:]
        if re.search(options.stop, tail, re.M):
            return True
        if ended or time.monotonic() - began > options.timeout:
            return False
        time.sleep(0.05)


def run(options):
    """One machine from power-on to its end; it leaves nothing behind."""
    directory = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="nestor-qemu-"))
    try:
        files = dict(options.files)
        if options.program is not None:
            files["/EFI/BOOT/BOOTX64.EFI"] = options.program
        if options.disk is None:
            volume(directory / "boot.img", files)
        if options.vars is not None:
            shutil.copy(EMU / "usr/share/OVMF" / options.vars, directory / "vars.fd")
        for name, data in options.host.items():
            (directory / name).write_bytes(data)
        began = time.monotonic()
        with open(directory / "errors.txt", "wb") as errors:
            process = subprocess.Popen(command(options, directory), stdin=subprocess.DEVNULL,
                                       stdout=errors, stderr=errors, start_new_session=True,
                                       env=dict(os.environ, QEMU_MODULE_DIR=str(LIB / "qemu")))
        try:
            ended = watch(process, directory / "serial.txt", options)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        serial = directory / "serial.txt"
        text = serial.read_bytes().decode(errors="replace") if serial.exists() else ""
        text = re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", text.replace("\r", ""))
        return Result(text, (directory / "errors.txt").read_text(errors="replace"),
                      time.monotonic() - began, ended)
    finally:
        if options.keep is None:
            shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--unit", choices=UNITS, default="second")
    parser.add_argument("--cpu", default="max")
    parser.add_argument("--memory", type=int, default=512, help="MiB")
    parser.add_argument("--device", action="append", help="in place of the usual ones")
    parser.add_argument("--file", action="append", default=[], help="PATH-ON-VOLUME=FILE")
    parser.add_argument("--gdb", nargs="?", const="tcp:localhost:1234", metavar="WHERE",
                        help="wait there for gdb before the first instruction; PROGRAM is told to say where it is")
    parser.add_argument("--timeout", type=int, default=120)
    parser.add_argument("--trace", type=pathlib.Path, help="file for the unit's trace")
    a = parser.parse_args()
    files = dict(f.split("=", 1) for f in a.file)
    if a.gdb:
        files.setdefault("/EFI/nestor/nestor.conf", b"[console]\nlevel = debug\n")
    result = run(Options(a.program, UNITS[a.unit], tuple(a.device or DEVICES), files, a.cpu,
                         memory=a.memory, timeout=a.timeout, echo=True, trace=a.trace,
                         arguments=("-S", "-gdb", a.gdb) if a.gdb else ()))
    print(result.errors, end="", file=sys.stderr)
    print(f"{result.seconds:.1f} s, " + ("ended" if result.ended else "NOT ENDED"), file=sys.stderr)
    return 0 if result.ended else 1


if __name__ == "__main__":
    sys.exit(main())
