#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The Bochs machine: stock Bochs and OVMF with VT-d units of the reference model.

    machine.py [options]        boots and prints the serial port until the guest powers off

Exit status 0: the guest reached its end, each of its steps said ok, and each tested device's DMA went the way
that the guest has configured.
As a module: Machine(Options(...)).run() -> Result.
"""
import argparse
import ctypes
import dataclasses
import errno
import hashlib
import os
import pathlib
import pty
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import tty

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE))
import caps    # noqa: E402
import disk    # noqa: E402
import dmar    # noqa: E402
import owners  # noqa: E402
import summary  # noqa: E402
import walk     # noqa: E402
import walk_broken  # noqa: E402
from guest import initrd  # noqa: E402

CACHE = pathlib.Path(os.environ.get("NESTOR_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
                     / "nestor")
ELF = TOP / "obj/nestor.elf"
EMU = CACHE / "emu"
LIB = EMU / "usr/lib/x86_64-linux-gnu"
# The source-ids of the plugins: slots 2 and 3 of the board, and the chipset; of the attachment's own functions.
SIDS = {"dma": 0x0008, "pci_ide": 0x0009, "usb_uhci": 0x000A, "e1000": 0x0018, "usb_xhci": 0x0020, "edu": 0x0040,
        "virtio-blk": 0x0048, "edu-more": 0x0050}
# What `make run` has the guest do.
STEPS = "info,disk,net,usb,iommu,picture,report"
PAGE = TOP / "obj/dma.html"
MODULES = initrd.WANTED
# mitigations=off, rodata=off, cryptomgr.notests: on an emulated CPU half of the boot goes into
# mitigations, a check of all page tables and tests of the kernel's ciphers. reboot=pci: on Bochs
# the keyboard controller resets only the CPU.
CMDLINE = "hpet=disable panic=-1 mitigations=off rodata=off cryptomgr.notests reboot=pci"
IPS = 50000000
ECAM = 0xFE000000
INTR_REMAP = 1
PR_SET_PDEATHSIG = 1

BOCHSRC = """plugin_ctrl: unmapped=true, biosdev=true, speaker=false, parallel=false, serial=true, fw_cfg=true
config_interface: textconfig
display_library: term
memory: guest={memory}, host={memory}
romimage: file={emu}/usr/share/ovmf/OVMF.fd, address=0xffc00000
vgaromimage: file={emu}/usr/share/bochs/VGABIOS-lgpl-latest
vga: extension=none
cpu: {cpu}
clock: sync=none, time0=1700000000
pci: enabled=1, chipset=i440fx, slot2=e1000, slot3=usb_xhci
e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=vnet, ethdev={net}
usb_xhci: enabled=1, port3=keyboard
# Linux does not get a disk going on Bochs's xHCI; it is on the chipset's UHCI.
usb_uhci: enabled=1, port1=disk, options1="speed:full, path:{dir}/usb.img"
fw_cfg: enabled=1
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={dir}/disk.img, mode=flat
boot: disk
com1: enabled=1, mode=file, dev={dir}/serial.txt
port_e9_hack: enabled=1
log: {dir}/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""
# {name: (Bochs's model, features it is to be without)}.
CPUS = {
    "skylake": ("corei7_skylake_x", ""),
    "no-vmx": ("corei7_skylake_x", "vmx"),
    "no-ept": ("core2_penryn_t9600", ""),
    "no-unrestricted": ("corei5_lynnfield_750", ""),
    "spr": ("sapphire_rapids", "amx amx_int8 amx_bf16"),
}


def sid_name(sid):
    return f"{sid >> 8:02x}:{sid >> 3 & 31:02x}.{sid & 7}"


@dataclasses.dataclass
class Unit:
    base: int
    devices: tuple = ()          # plugins behind it; the last unit gets the rest
    cap: int = caps.value(caps.SERVER_CAP, caps.CAP)
    ecap: int = caps.value(caps.SERVER_ECAP, caps.ECAP)
    haw: int = 47
    words: tuple = ()            # further words of attach/README.md: "erratum", ...


# It nests, and remaps interrupts with 32-bit ids.
REMAPS = Unit(0xFED90000, ecap=caps.parse("IR=1,EIM=1", caps.SERVER_ECAP, caps.ECAP))


@dataclasses.dataclass
class Kernel:
    """A kernel that the previous one starts with its step kexec."""
    kernel: str = "forky"
    cmdline: str = "intel_iommu=on,sm_on"
    steps: str = ""


@dataclasses.dataclass
class Options:
    cpu: str = "skylake"
    cpus: int = 1
    mwait: bool = True           # False: several CPUs that wait do so by HLT, which Bochs does four times as fast
    ips: int = IPS               # instructions a second; with several CPUs it is idle time that costs
    quantum: int = 16            # instructions that a CPU which waits counts for, each time the others have run
    memory: int = 512
    msrs: dict = dataclasses.field(default_factory=dict)    # {number: value} of registers that the model lacks
    units: tuple = (Unit(0xFED90000),)
    dmar: bool = True            # False: no table is installed
    dmar_flags: int = 0          # of the table, VT-d 8.1; with INTR_REMAP the I/O APIC is the attachment's
    com2: bool = False           # a second serial port, whose other end is a file
    console: str = "ttyS0"       # the port that the guest's kernels speak on; a kernel takes one of a kind
    functions: bool = False      # the attachment's own: edu, virtio-blk, with an ECAM window
    dmar_bytes: bytes = None     # a table that the test brings
    kernel: str = "forky"        # forky, bookworm, trixie or a path
    initrd: str = None           # a path; default: ours
    cmdline: str = "intel_iommu=on,sm_on"
    modules: tuple = MODULES       # what guest/init loads of the kernel's
    steps: str = ""              # of guest/init
    steps_after_reset: str = ""  # steps of the same kernel, after its step reboot or reset
    then: tuple = ()             # further kernels, each started by the previous one's step kexec
    root: pathlib.Path = None    # an image for the disk's third partition, in place of those
    keep_menu: bool = False      # the boot menu is entered once, and then is what the guest makes of it
    nestor: bool = False         # boot nestor.efi first
    nestor_efi: pathlib.Path = TOP / "obj/nestor.efi"
    nestor_options: str = ""     # its load options
    config: str = ""             # nestor.conf
    efi: pathlib.Path = None     # an EFI program to start instead of the kernel
    efi_options: str = ""        # its load options
    before: tuple = ()           # boot options before it: (name, path in files, load options)
    files: dict = dataclasses.field(default_factory=dict)
    attach: tuple = ()           # further lines of the attachment's config
    walks: bool = False          # walk over all tables in each snapshot that the guest asks for (walk.py)
    break_first: bool = False    # and over the first with one thing broken after the other
    stop_in: str = ""            # a function of the image, where Bochs's debugger tells of it and ends the machine
    timeout: int = 300           # seconds, see spent()
    echo: bool = False           # print the serial port while the machine runs
    keep: str = None             # directory for all files; default: a temporary one
    stop: str = r"reboot: Power down|Kernel panic|efi-test: end"


@dataclasses.dataclass
class Result:
    serial: str
    report: str
    log: str
    seconds: float
    ended: bool                  # the guest reached its end, and not the time limit
    status: int                  # of Bochs
    debugger: str = ""           # what Bochs's debugger said
    reports: tuple = ()          # the reports that the guest asked for
    walks: tuple = ()            # walk.Result of each snapshot
    serial2: str = ""            # what came by COM2
    page: bytes = None           # the picture of a DMA, from the step `picture`

    def stage(self, name):
        """What the guest printed under that kernel: "0", "1" after a kexec, ..., "reset"."""
        parts = re.split(r"^guest: stage (\S+?)\r?$", self.serial, flags=re.M)
        return "".join(text for number, text in zip(parts[1::2], parts[2::2]) if number == name)

    def steps(self, stage=None):
        """{step: (ok, detail)} of guest/init."""
        text = self.serial if stage is None else self.stage(stage)
        found = re.findall(r"^guest: (\S+) (ok|FAIL) ?(.*?)\r?$", text, re.M)
        return {name: (verdict == "ok", detail) for name, verdict, detail in found}

    def warnings(self, stage="0"):
        """What the kernel printed at level warning or above, from the step `warnings`."""
        return re.findall(r"^guest: ! (.*?)\r?$", self.stage(stage), re.M)

    def kinds(self, sid, report=None):
        """{kind: pages} of a source-id, over all units, from the model's counters."""
        out = {}
        text = self.report if report is None else self.reports[report]
        for line in re.findall(rf"^sid {re.escape(sid_name(sid))} (.*)$", text, re.M):
            for kind, pages in re.findall(r"(\S+)=(\d+)", line):
                out[kind] = out.get(kind, 0) + int(pages)
        return out

    def counter(self, name):
        return sum(int(v) for v in re.findall(rf"^{name} (\d+)$", self.report, re.M))


def kernel_paths(kernel):
    """(image, module tree or None) of a kernel's name or path."""
    if "/" in kernel:
        return pathlib.Path(kernel), None
    root = CACHE / f"kernel-{kernel}"
    for modules in (root / "usr/lib/modules", root / "lib/modules"):
        for tree in sorted(modules.glob("*")):
            for image in (tree / "vmlinuz", root / "boot" / f"vmlinuz-{tree.name}"):
                if image.exists():
                    return image, tree
    raise RuntimeError(f"no kernel in {root}: run `make setup`")


def guest_data(directory, functions=False):
    """Makes the files at the network card's other end and on the disks of USB and virtio; returns words that tell the
    guest their checksums."""
    net, usb = disk.pattern(256 << 10, "net"), disk.pattern(256 << 10, "usb")
    (directory / "net").mkdir(exist_ok=True)
    (directory / "net/net.bin").write_bytes(net)
    (directory / "usb.img").write_bytes(usb)
    # The guest writes to the rest of the disk's data.
    parts = {"net": net, "usb": usb, "disk": disk.pattern(3 << 20, "disk")}
    if functions:
        parts["virtio"] = disk.pattern(256 << 10, "virtio")
        (directory / "virtio.img").write_bytes(parts["virtio"] + bytes(256 << 10))
    return [f"nestor.{name}_md5={hashlib.md5(data).hexdigest()}" for name, data in parts.items()]


def cmdline(common, kernel, words):
    steps = [f"nestor.steps={kernel.steps}"] if kernel.steps else []
    return " ".join([common, kernel.cmdline, *words, *steps])


def kexec_payload(kernels, common, sums, wanted=initrd.WANTED):
    """The kernels for kexec, as guest/steps/stages.sh reads them from the disk's third partition."""
    table, data = "", bytearray(4096)
    for number, k in enumerate(kernels, 1):
        image, tree = kernel_paths(k.kernel)
        line = [number]
        for content in (image.read_bytes(), initrd.build(tree, wanted=wanted, steps=k.steps)):
            data += bytes(-len(data) % disk.MIB)
            line += [len(data) // disk.MIB, len(content)]
            data += content
        table += " ".join(map(str, [*line, cmdline(common, k, [f"nestor.stage={number}", *sums])])) + "\n"
    data[:len(table)] = table.encode()
    return bytes(data) if kernels else b""


def die_with_us():
    """Runs in the child: a test that is killed leaves no machine behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spent(pid, began):
    """Seconds of CPU time that the process had, or a quarter of those that passed: a loaded host ends no machine."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return max((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), (time.monotonic() - began) / 4)


class Machine:
    def __init__(self, options):
        self.options = options
        self.said = b""
        self.dir = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="nestor-bochs-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        for old in (*self.dir.glob("*.txt"), *self.dir.glob("*.lock")):
            old.unlink()

    def run(self):
        try:
            self.prepare()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            result = self.start()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if not self.options.echo:
                spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                print(f"# a machine: {spent:.0f} s of CPU time in {result.seconds:.0f} s", flush=True)
            return result
        finally:
            if self.options.keep is None:
                shutil.rmtree(self.dir)

    def prepare(self):
        o = self.options
        files = {"/EFI/BOOT/BOOTX64.EFI": TOP / "obj/efi-tests/dmar.efi", **o.files}
        boot, payload = list(o.before), b""
        if o.nestor:
            files["/EFI/nestor/nestor.efi"] = o.nestor_efi
            if o.config:
                files["/EFI/nestor/nestor.conf"] = o.config.encode()
            boot.append(("Nestor", r"\EFI\nestor\nestor.efi", o.nestor_options))
        if o.dmar_bytes is not None:
            files["/DMAR.BIN"] = o.dmar_bytes
        elif o.dmar and o.units:
            units = [(u.base, [SIDS[d] for d in u.devices]) for u in o.units]
            files["/DMAR.BIN"] = dmar.table(units, o.units[0].haw, self.dir, o.dmar_flags, o.cpus)
        if o.functions:
            files["/MCFG.BIN"] = dmar.mcfg(ECAM)
        sums = guest_data(self.dir, o.functions)
        if o.efi is not None:
            files["/test.efi"] = o.efi
            boot.append(("Test", r"\test.efi", o.efi_options))
        else:
            image, tree = kernel_paths(o.kernel)
            files["/vmlinuz.efi"] = image
            files["/initrd.img"] = (pathlib.Path(o.initrd) if o.initrd else
                                    initrd.build(tree, wanted=o.modules, steps=o.steps))
            words = [r"initrd=\initrd.img"]
            words += [f"nestor.steps_after_reset={o.steps_after_reset}"] if o.steps_after_reset else []
            boot.append(("Linux", r"\vmlinuz.efi", cmdline(self.common_words(), o, words + sums)))
            payload = self.payload(sums)
        files |= {"/keep.txt": b"boot options\n"} if o.keep_menu else {}
        files["/boot.txt"] = "".join("\t".join(line) + "\n" for line in boot).encode()
        disk.make(self.dir / "disk.img", files, payload)
        model, without = CPUS[o.cpu]
        without += "" if o.mwait else " mwait"
        cpu = f"model={model}, cpuid_freq=ips, count={o.cpus}, ips={o.ips}, quantum={o.quantum}"
        cpu += ", reset_on_triple_fault=0, ignore_bad_msrs=1"
        cpu += f', exclude_features="{without.strip()}"' if without else ""
        if o.msrs:
            # Address, type, then in halves: value, reserved bits, ignored bits.
            (self.dir / "msrs.def").write_text("".join(
                f"{msr:#x} 0 {value >> 32:08x} {value & 0xffffffff:08x} 00000000 00000000 00000000 00000000\n"
                for msr, value in o.msrs.items()))
            cpu += f', msrs="{self.dir}/msrs.def"'
        com2 = f"com2: enabled=1, mode=file, dev={self.dir}/serial2.txt\n" if o.com2 else ""
        (self.dir / "bochsrc").write_text(
            BOCHSRC.format(memory=o.memory, emu=EMU, cpu=cpu, dir=self.dir, net=self.dir / "net") + com2)
        (self.dir / "units.conf").write_text("\n".join(self.attach_lines()) + "\n")

    def common_words(self):
        return f"console={self.options.console},115200 {CMDLINE}"

    def payload(self, sums):
        if self.options.root is not None:
            return self.options.root.read_bytes()
        return kexec_payload(self.options.then, self.common_words(), sums)

    def attach_lines(self):
        o = self.options
        lines = [f"log {self.dir}/attach.log", f"report {self.dir}/report.txt"]
        lines += ["hide-fsrm"] if o.cpu == "spr" else []
        for i, unit in enumerate(o.units):
            lines += [f"unit {unit.base:#x}", "ver 0x60", f"cap {unit.cap:#x}", f"ecap {unit.ecap:#x}",
                      f"haw {unit.haw}", *unit.words]
            lines += [f"device {plugin} {i}" for plugin in unit.devices]
        lines += [f"snapshot {self.dir}/snapshot", f"snapshot-mib {o.memory}"] if o.walks else []
        lines += [f"ioapic {dmar.IOAPIC_SID:#x}"] if o.dmar_flags & INTR_REMAP else []
        lines += ["edu", f"virtio-blk {self.dir}/virtio.img"] if o.functions else []
        return lines + list(o.attach)

    def debugger_commands(self):
        nm = subprocess.run(["nm", ELF], check=True, capture_output=True, text=True).stdout
        symbols = {line.split()[2]: line.split()[0] for line in nm.splitlines() if len(line.split()) == 3}
        table, commands = self.dir / "nestor.sym", self.dir / "debugger.rc"
        table.write_text("".join(f"{at} {name}\n" for name, at in symbols.items()))
        commands.write_text(f'ldsym global "{table}"\nlb 0x{symbols[self.options.stop_in]}\ncontinue\n'
                            "r\nquit\n")
        return commands

    def start(self):
        command = [EMU / "usr/lib64/ld-linux-x86-64.so.2", "--audit", TOP / "obj/bochs/vtdunit.so",
                   "--library-path", f"{LIB}:{LIB}/pulseaudio", "--argv0", "bochs",
                   EMU / "usr/bin/bochs-bin", "-q", "-f", self.dir / "bochsrc"]
        if self.options.stop_in:
            command += ["-debugger", "-rc", self.debugger_commands()]
        env = dict(os.environ, TERM="xterm", BXSHARE=str(EMU / "usr/share/bochs"),
                   LTDL_LIBRARY_PATH=str(LIB / "bochs/plugins"),
                   VTDUNIT_CONFIG=str(self.dir / "units.conf"))
        # Bochs's terminal display needs a terminal; nobody looks at what it draws there.
        master, slave = pty.openpty()
        began = time.monotonic()
        with open(self.dir / "stderr.txt", "wb") as stderr:
            process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=stderr, env=env,
                                       cwd=self.dir, start_new_session=True, preexec_fn=die_with_us)
        os.close(slave)
        try:
            ended = self.watch(process, master, began)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            os.close(master)

        def text(name):
            path = self.dir / name
            return path.read_text(errors="replace") if path.exists() else ""
        asked = len(list(self.dir.glob("report.txt.*")))
        return Result(text("serial.txt"), text("report.txt"), text("attach.log") + text("stderr.txt"),
                      time.monotonic() - began, ended, process.returncode, self.said.decode(errors="replace"),
                      tuple(text(f"report.txt.{i + 1}") for i in range(asked)), self.walk(text("serial.txt")),
                      text("serial2.txt"), disk.page(self.dir / "disk.img"))

    def walk(self, serial):
        """Walks over each snapshot, and removes it."""
        said = re.findall(r"Nestor runs: .*, (\d+) KiB at (\w+),", serial)
        places = {(int(at, 16), int(kib) << 10) for kib, at in said}
        protected = [(int(a, 0), int(b, 0) + 1 - int(a, 0))
                     for a, b in re.findall(r"^protect *= *(\w+)-(\w+)", self.options.config, re.M)]
        window = (ECAM, 1 << 20) if self.options.functions else (0, 0)
        of_whom = owners.Machine(serial, self.options.cpus, protected, window)
        out = []
        for i in range(len(list(self.dir.glob("snapshot.*.txt")))):
            path = self.dir / f"snapshot.{i + 1}"
            if len(places) != 1:
                raise RuntimeError(f"Nestor was at {places}: a snapshot does not say where")
            out.append(walk.walk(path, *places, ELF, of_whom))
            if self.options.break_first and i == 0:
                out[0].tried, out[0].unseen = walk_broken.unseen(path, *places, ELF, of_whom)
            path.unlink()
        return tuple(out)

    def screen(self):
        """The pseudo-terminal that Bochs opens to draw on, for reading; None until it exists."""
        said = (self.dir / "stderr.txt").read_text(errors="replace")
        found = re.search(r'connected to screen "(.*?)"', said)
        if found is None:
            return []
        # A Bochs that stops early takes the terminal with it between any two steps.
        try:
            screen = os.open(found.group(1), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EIO):
                return []
            raise
        try:
            tty.setraw(screen)
        except termios.error:
            os.close(screen)
            return []
        return [screen]

    def watch(self, process, master, began):
        """Waits for the stop text, the end of Bochs, or the time limit. False for the last."""
        screens = []
        try:
            return self.watch_with(process, master, began, screens)
        finally:
            for screen in screens:
                os.close(screen)

    def watch_with(self, process, master, began, screens):
        serial, seen, tail, stopping = self.dir / "serial.txt", 0, "", None
        while True:
            # A screen that nobody reads is full after some minutes, and then Bochs waits for ever.
            screens += [] if screens else self.screen()
            for terminal in select.select([master, *screens], [], [], 0.2)[0]:
                try:
                    said = os.read(terminal, 65536)
                except OSError:
                    continue
                # Bochs itself speaks there, and so does its debugger.
                self.said += said if terminal == master and self.options.stop_in else b""
            if serial.exists():
                with open(serial, "rb") as source:
                    source.seek(seen)
                    fresh = source.read().decode(errors="replace")
                    seen = source.tell()
                if fresh and self.options.echo:
                    sys.stdout.write(re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", fresh))
                    sys.stdout.flush()
                tail = (tail + fresh)[-4096:]
            now = spent(process.pid, began)
            if stopping is None and re.search(self.options.stop, tail):
                stopping = now + 3      # time to power off and write the report
            if process.poll() is not None:
                return stopping is not None or re.search(self.options.stop, tail) is not None
            if stopping is not None and now > stopping:
                return True
            if now > self.options.timeout:
                return False


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cpu", choices=CPUS, default="skylake")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--memory", type=int, default=512, help="MiB")
    parser.add_argument("--units", type=int, default=1, help="e1000 moves to the first of two")
    parser.add_argument("--cap", default="", help="NAME=VALUE,... over a server's capabilities")
    parser.add_argument("--ecap", default="")
    parser.add_argument("--caching-mode", action="store_true")
    parser.add_argument("--erratum", action="store_true", help="the units have Intel 772415")
    parser.add_argument("--no-dmar", action="store_true")
    parser.add_argument("--kernel", default=os.environ.get("KERNEL") or "forky",
                        help="forky, bookworm, trixie or a path")
    parser.add_argument("--initrd", default=os.environ.get("INITRD") or None)
    parser.add_argument("--cmdline", default=os.environ.get("CMDLINE") or "intel_iommu=on,sm_on")
    parser.add_argument("--steps", help="what the guest does, see guest/init")
    parser.add_argument("--nestor", action="store_true", help="boot nestor.efi first")
    parser.add_argument("--config", default="", help="nestor.conf as text")
    parser.add_argument("--stop-in", metavar="FUNCTION", default="",
                        help="of the image: Bochs's debugger prints the registers there and ends the machine")
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--keep", help="directory for the machine's files")
    a = parser.parse_args(arguments)
    cap_fields = dict(caps.SERVER_CAP, CM=int(a.caching_mode))
    cap, ecap = caps.parse(a.cap, cap_fields, caps.CAP), caps.parse(a.ecap, caps.SERVER_ECAP, caps.ECAP)
    words = ("erratum",) if a.erratum else ()
    units = tuple(Unit(0xFED90000 + i * 0x1000, ("e1000",) if i == 0 and a.units > 1 else (), cap,
                       ecap, words=words) for i in range(a.units))
    return Options(cpu=a.cpu, cpus=a.cpus, memory=a.memory, units=units, dmar=not a.no_dmar,
                   kernel=a.kernel, initrd=a.initrd, cmdline=a.cmdline,
                   steps=a.steps if a.steps is not None else STEPS if a.nestor else "",
                   nestor=a.nestor, config=a.config.replace("\\n", "\n"), timeout=a.timeout, keep=a.keep,
                   stop_in=a.stop_in, echo=True)


def main():
    options = parse(sys.argv[1:])
    result = Machine(options).run()
    strays = summary.strays(result, {sid_name(sid): sid for sid in SIDS.values()}, options.nestor)
    if options.stop_in:
        print(re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", result.debugger))
        return 0
    print("\n" + summary.text(result, strays))
    print(f"--- {result.seconds:.0f} s, Bochs ended with {result.status}; "
          + ("the guest reached its end" if result.ended else "NOT ENDED: time limit or crash"))
    if result.page:
        PAGE.write_bytes(result.page)
        print(f"--- the way of one DMA, as a page for a browser: {PAGE.relative_to(TOP)}")
    if result.status not in (0, None) and not result.serial:
        print(result.log)
    steps = result.steps()
    custom = options.initrd is not None
    worked = custom or steps and all(ok for ok, _ in steps.values())
    return 0 if result.ended and worked and not strays else 1


if __name__ == "__main__":
    sys.exit(main())
