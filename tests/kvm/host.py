# SPDX-License-Identifier: BSD-2-Clause
"""The KVM host inside Bochs: stock Linux with KVM on a CPU of Bochs that has VMX, and the machines that it runs.

run(machines, ...) -> {name: Run}: one boot of the host for all of them, one after the other.
"""
import dataclasses
import gzip
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
import hostroot        # noqa: E402
import nested          # noqa: E402
from nested import bochs, initrd  # noqa: E402

MODULES = ("ata_piix", "sd_mod", "ext4", "kvm", "kvm_intel")
# Slower, and the timers of three systems, with an exit each, take much of the time; faster, and OVMF's delays do.
IPS = 250000000
QEMU = ("-L", "/share/qemu", "-drive", "if=pflash,format=raw,readonly=on,file=/share/OVMF_CODE_4M.fd")


@dataclasses.dataclass
class Run:
    """What one machine showed; `serial` is its serial port."""
    serial: str
    status: int = None           # QEMU's; None: it did not end by itself
    seconds: float = 0           # of the KVM host
    counters: dict = dataclasses.field(default_factory=dict)   # KVM's exits of it
    errors: str = ""             # what QEMU said

    def result(self):
        return bochs.Result(self.serial, "", self.errors, self.seconds, self.status == 0, self.status)

    def steps(self, stage=None):
        return self.result().steps(stage)


class Host(bochs.Machine):
    root = None                  # its file system

    def payload(self, sums):
        return self.root

    def prepare(self):
        super().prepare()
        # At each exit KVM reads MSR 1D9h, which Bochs does not have: a line in the log each time.
        path = self.dir / "bochsrc"
        path.write_text(path.read_text().replace("error: action=report", "error: action=ignore"))


def host_initrd(tree):
    out = [initrd.entry(d, 0o040755) for d in ("bin", "dev", "proc", "sys", "m", "host")]
    out.append(initrd.entry("dev/console", 0o020600, rdev=(5, 1)))
    out.append(initrd.entry("bin/busybox", 0o100755, initrd.BUSYBOX.read_bytes()))
    out.append(initrd.entry("init", 0o100755, (HERE / "host/init").read_bytes()))
    # What ext4 of older kernels loads by a name that modules.dep does not have.
    older = ("crc32c_generic",) if any(pathlib.Path(tree).rglob("crc32c_generic.ko*")) else ()
    for i, (name, content) in enumerate(initrd.modules(tree, older + MODULES)):
        out.append(initrd.entry(f"m/{i:02}-{name}.ko", 0o100644, content))
    out.append(initrd.entry("TRAILER!!!", 0))
    return gzip.compress(b"".join(out), 1, mtime=0)


def put_machines(machines, root):
    """The machines' own files in the host's file system: a disk for those that can share one."""
    share = root / "share"
    share.mkdir(parents=True)
    sums = bochs.guest_data(share)
    disks = {}
    for m in machines:
        key = nested.disk_key(m)
        if key not in disks:
            path = share / f"disk{len(disks)}.img"
            nested.make_disk(m, sums, path)
            data = path.read_bytes()
            at = [data.find(content) for content in (nested.boot_txt(m, sums), nested.boot_config(m))]
            if min(at) < 0 or any(place % 512 for place in at):
                raise RuntimeError(f"{path.name}: boot.txt or nestor.conf is not in one piece")
            disks[key] = f"{nested.SHARE}/{path.name}", at
        path, (boot_at, config_at) = disks[key]
        here = root / "machines" / m.name
        here.mkdir(parents=True)
        (here / "arguments").write_text("\n".join([*QEMU, *nested.arguments(m, path)]) + "\n")
        (here / "boot.txt").write_bytes(nested.boot_txt(m, sums))
        (here / "nestor.conf").write_bytes(nested.boot_config(m))
        (here / "settings").write_text(f"disk={path}\nboot_at={boot_at // 512}\nconfig_at={config_at // 512}\n"
                                       f"limit={m.limit}\nstops={m.stops}\nchecks={int(m.checks)}\n")
    shutil.copy(HERE / "host/machine.sh", root)


def parse(text, name):
    """What the serial port of the host says of one machine."""
    text = nested.plain(text)
    found = re.search(rf"^kvm-host: {re.escape(name)} begins at (\S+)\n(.*?)(?:^kvm-host: {re.escape(name)} ended with "
                      r"(\d+) at (\S+); (.*?)$|\Z)", text, re.M | re.S)
    if found is None:
        return Run("")
    began, inside, status, ended, counters = found.groups()
    own = "".join(line for line in inside.splitlines(True) if not line.startswith("kvm-host: "))
    errors = "".join(re.findall(r"^kvm-host: qemu: (.*\n)", inside, re.M))
    if status is None:
        return Run(own, errors=errors)
    return Run(own, int(status), float(ended) - float(began),
               {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", counters)}, errors)


def run(machines, kernel="forky", cpu="skylake", echo=False, keep=None, timeout=7200):
    """-> ({name: Run}, the host's whole serial port)."""
    folder = pathlib.Path(keep or tempfile.mkdtemp(prefix="nestor-kvm-"))
    try:
        root = folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        put_machines(machines, root)
        Host.root = hostroot.build(bochs.EMU, root, folder / "root.img")
        tree = bochs.kernel_paths(kernel)[1]
        (folder / "host-initrd.img").write_bytes(host_initrd(tree))
        result = Host(bochs.Options(
            cpu=cpu, ips=IPS, memory=2048, units=(), dmar=False, kernel=kernel, initrd=str(folder / "host-initrd.img"),
            cmdline=f"quiet intel_iommu=off kvm.machines={','.join(m.name for m in machines)}",
            timeout=timeout, echo=echo, keep=str(folder / "machine"), stop=r"kvm-host: end|not syncing")).run()
        return {m.name: parse(result.serial, m.name) for m in machines}, result
    finally:
        if keep is None:
            shutil.rmtree(folder)
