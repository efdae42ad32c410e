# SPDX-License-Identifier: BSD-2-Clause
"""The nested machines of the tests, and what each has to show: NAME -> (machine, check).

A check is a function of the machine's Run that fails by tap.check(); what it returns is printed.
"""
import re
import sys

import nested
from nested import Nested, bochs, qemu

sys.path.insert(0, str(nested.HERE.parent / "bochs"))
import summary         # noqa: E402
import tap             # noqa: E402

IO = ("info", "disk", "disk-write", "net", "net-transfer", "usb")
NATIVE = "booting natively"
CATALOGUE = {}


def entry(machine):
    """Decorates the check of that machine."""
    def add(check):
        CATALOGUE[machine.name] = machine, check
        return check
    return add


def ended(run):
    tap.check(run.status == 0, f"QEMU's status {run.status}\n{run.errors}\n{run.serial[-3000:]}")
    tap.check("KVM internal error" not in run.errors, run.errors)
    tap.check("fatal" not in run.serial, run.serial[-3000:])


def said(run, *words):
    for word in words:
        tap.check(word in run.serial, f"does not say: {word}\n{run.serial[:6000]}")


def steps(run, *names, stage=None):
    found = run.steps(stage)
    for name in names:
        tap.check(found.get(name, (False,))[0], f"stage {stage}, {name}: {found.get(name)}\n{run.serial[-2000:]}")
    return found


def quiet_about_msrs(run):
    """Neither the kernel nor Nestor has a word on an MSR whose feature was shown."""
    for msr in ("0x4d0", "0xbd ", "0x10f"):
        tap.check(f"MSR {msr}" not in run.serial, f"MSR {msr}\n{run.serial[-2000:]}")


def own_unit(run):
    """The guest has a unit, shadowed since QEMU's does not nest, and every device of its is in a table of its own."""
    said(run, "the guest's units are shadowed: unit 0 at fed90000: ", "guest IOMMU offered")
    found = run.steps().get("iommu")
    if found is not None:
        types = summary.guest_types(run.serial)
        tap.check("units=1" in found[1] and len(types) > 4 and set(types.values()) <= {"DMA", "DMA-FQ"},
                  f"{found[1]} {types}")
        tap.check("fault addr" not in run.serial, run.serial[-3000:])


def remaps(run, wanted=True):
    """Interrupts of all devices go through QEMU's unit, by entries that Nestor made of the guest's."""
    came = summary.interrupts(run.serial)
    kinds = {chip.split("-0000:")[0] for chip, _ in came.values()} - {"DMAR-MSI"}
    prefix = "IR-" if wanted else ""
    tap.check(kinds == {prefix + "IO-APIC", prefix + "PCI-MSI"}, str(came))
    modes = re.findall(r"Enabled IRQ remapping in (\w+) mode", run.serial)
    tap.check(bool(modes) == wanted, run.serial[-3000:])
    return f"remapping {modes}: " + ", ".join(f"{name} {times}" for name, (_, times) in came.items())


def figures(run):
    return f"{run.seconds:.0f} s of the host, " + ", ".join(f"{k} {v}" for k, v in run.counters.items())


def guest(run, cpus=1, able="second-stage only", io=IO, kernel=" 7."):
    """Nestor runs and its guest does I/O, without VMX and with a unit of its own."""
    ended(run)
    said(run, f"Nestor can run here: {able}", f"Nestor runs: {cpus} CPU", "guest: done")
    own_unit(run)
    tap.check(run.counters.get("nested", 0) > 1000, f"KVM entered no guest of Nestor's: {run.counters}")
    found = steps(run, *io)
    info = found["info"][1]
    tap.check(f"cpus={cpus} vmx=0" in info and (" " + info).startswith(kernel), info)
    quiet_about_msrs(run)
    return figures(run)


def native(run, why, cpus=1):
    """Nestor says why it does not run, once, and the kernel boots without it: it has VMX itself."""
    ended(run)
    said(run, why, NATIVE, "guest: done")
    tap.check("Nestor runs" not in run.serial, run.serial[:6000])
    info = steps(run, "info", "disk", "disk-write")["info"][1]
    tap.check(f"cpus={cpus} vmx={cpus}" in info, info)
    return figures(run)


@entry(Nested("scalable", cpus=2))
def scalable(run):
    return f"{guest(run, cpus=2)}; {remaps(run)}"


@entry(Nested("caching", unit="scalable-mode=on,caching-mode=on"))
def caching(run):
    return f"{guest(run)}; {remaps(run)}"


@entry(Nested("no-unit", unit=None, steps="info,disk"))
def no_unit(run):
    return native(run, "no DMAR table")


# QEMU gives this model no wait-for-SIPI state of a guest: boot program and image say the same of it.
@entry(Nested("named", cpu="Skylake-Server,+vmx", steps="info,disk"))
def named(run):
    text = native(run, "no wait-for-SIPI state")
    tap.check("Nestor can run here" not in run.serial, run.serial[:6000])
    return text


@entry(Nested("named-sipi", cpu="Skylake-Server,+vmx,vmx-activity-wait-sipi=on",
              unit="scalable-mode=on,snoop-control=on"))
def named_sipi(run):
    return guest(run)


# Named models that lack one thing each, which both boot program and image ask for.
def lacking(feature, why):
    @entry(Nested(f"no-{feature}", cpu=f"host,-{feature}", steps="info,disk"))
    def check(run):
        return native(run, why)
    return check


lacking("vmx-vpid", "no VPID")
lacking("vmx-unrestricted-guest", "no unrestricted guest")
lacking("vmx-preemption-timer", "no VMX-preemption timer")
lacking("vmx-invept-all-context", "no all-context INVEPT")
lacking("vmx-entry-load-pat", "no load of IA32_PAT on entry")


@entry(Nested("legacy", unit=""))
def legacy(run):
    return f"{guest(run, able='second-stage only, legacy mode')}; {remaps(run)}"


@entry(Nested("legacy-caching", unit="caching-mode=on"))
def legacy_caching(run):
    return guest(run, able="second-stage only, legacy mode")


@entry(Nested("first-stage", unit="scalable-mode=on,fsts=on"))
def first_stage(run):
    return guest(run, able="second-stage only, legacy mode")


@entry(Nested("no-remapping", unit="scalable-mode=on,intremap=off"))
def no_remapping(run):
    return f"{guest(run)}; {remaps(run, wanted=False)}"


@entry(Nested("full-irqchip", irqchip="on", unit="scalable-mode=on,intremap=off"))
def full_irqchip(run):
    return f"{guest(run)}; {remaps(run, wanted=False)}"


# By the key alone: the guest has no DMAR table, its DMA goes through the second stage.
@entry(Nested("no-shadow", config="[policy]\nguest-iommu = none\n", steps="info,iommu,disk"))
def no_shadow(run):
    ended(run)
    said(run, "the guest's units are not shown", "guest IOMMU not offered", "guest: done")
    tap.check("units=0" in steps(run, "info", "disk", "disk-write")["iommu"][1], str(run.steps()["iommu"]))
    return figures(run)


@entry(Nested("four-cpus", cpus=4, limit=240))
def four_cpus(run):
    return guest(run, cpus=4)


@entry(Nested("eight-cpus", cpus=8, limit=400, steps="info,disk"))
def eight_cpus(run):
    return guest(run, cpus=8, io=("info", "disk", "disk-write"))


@entry(Nested("not-isolated", unit=None, config="[policy]\nwithout-isolation = run\n"))
def not_isolated(run):
    ended(run)
    said(run, "Nestor runs: 1 CPU", "guest: done")
    steps(run, *IO)
    return figures(run)


@entry(Nested("kernel-6.1", cpus=2, kernel="bookworm"))
def kernel_61(run):
    return f"{guest(run, cpus=2, kernel=' 6.1.')}; {remaps(run)}"


@entry(Nested("msi-x", cpus=2, net="e1000e", nvme=True, steps="info,disk,net,usb,nvme,msix"))
def msi_x(run):
    text = guest(run, cpus=2, io=(*IO, "nvme", "nvme-write", "nvme-interrupts", "msix"))
    return f"{run.steps()['nvme-interrupts'][1]}; {run.steps()['msix'][1]}\n{text}"


# The KVM host has one CPU for all of the machine's: one that has been sent INIT runs only after the SIPI.
CYCLES = tap.times(100)


@entry(Nested("offline", cpus=4, steps="info,offline", cmdline=f"intel_iommu=on nestor.offline={CYCLES}", limit=600))
def offline(run):
    text = guest(run, cpus=4, io=("info", "offline"))
    tap.check(run.steps()["offline"][1] == f"{CYCLES} cycles on 3 CPUs", run.steps()["offline"][1])
    return text


WORK = "info,disk,net,usb"


@entry(Nested("kexec", cpus=2, steps=f"{WORK},kexec", resets=True, limit=400, steps_after_reset=WORK,
              then=(bochs.Kernel("bookworm", "intel_iommu=on", f"{WORK},kexec"),
                    bochs.Kernel("forky", "intel_iommu=off", f"{WORK},reboot"))))
def kexec(run):
    ended(run)
    for stage, kernel in (("0", " 7."), ("1", " 6.1."), ("2", " 7."), ("reset", " 7.")):
        found = steps(run, *IO, stage=stage)
        tap.check((" " + found["info"][1]).startswith(kernel), f"stage {stage}: {found['info']}")
        tap.check("cpus=2 vmx=0" in found["info"][1], found["info"][1])
    tap.check(run.serial.count("Nestor runs:") == 2, "Nestor did not start again after the reset")
    return figures(run)


@entry(Nested("reset", cpus=2, steps="info,disk,reset", resets=True, limit=300, steps_after_reset="info,disk"))
def reset(run):
    """At once, with the devices running."""
    ended(run)
    for stage in ("0", "reset"):
        steps(run, "info", "disk", "disk-write", stage=stage)
    tap.check(run.serial.count("Nestor runs:") == 2, "Nestor did not start again after the reset")
    return figures(run)


# The rest of the hostile program needs a unit of the guest's, or the bench page of tests/bochs/attach.
HOSTILE = ("memory", "cpu", "msr", "sleep")
# KVM shows its hypervisor bit (VMX and SMX stay hidden all the same), and it makes an address that is not
# canonical canonical where a CPU refuses it.
KVMS_OWN = {"cpuid-1": r"ecx 0x[89a-f]....[0-9a-f][0189][0-9a-f]", "msr-sysenter": "vector 256"}


@entry(Nested("hostile", efi=qemu.PROGRAMS / "hostile.efi", efi_options=" ".join(HOSTILE), limit=300))
def hostile(run):
    tap.check("fatal" not in run.serial and "KVM internal error" not in run.errors, run.errors + run.serial[-3000:])
    said(run, "Nestor runs: 1 CPU")
    checks = re.findall(r"^efi: (\S+) (ok|FAIL) ?(.*?)$", run.serial, re.M)
    bad = [f"{name}: {detail}" for name, verdict, detail in checks
           if verdict != "ok" and not re.fullmatch(KVMS_OWN.get(name, "-"), detail)]
    tap.check(bad == [], "\n".join(bad))
    tap.check(len(checks) > 30, f"{len(checks)} checks\n{run.serial[-2000:]}")
    return f"{len(checks)} checks; {figures(run)}"


# KVM forgets a check that QEMU sends between Nestor's VMRESUME and the entry (docs/design.md 16): what has to arrive,
# once each, is what KVM injects.
@entry(Nested("machine-checks", efi=qemu.PROGRAMS / "machine_checks.efi", checks=True, limit=300))
def machine_checks(run):
    ended(run)
    said(run, "Nestor runs: 1 CPU", *(f"machine-checks: {part} ok" for part in ("load", "queue", "after it")))
    came = sum(map(int, re.findall(r"(\d+)(?= came| then)", run.serial)))
    tap.check(came == run.counters["injected"] and run.counters["passed_on"] > 1,
              f"{came} came: {run.counters}\n{run.serial[-2000:]}")
    return f"{came} came; {figures(run)}"


@entry(Nested("no-mtrr", cpu="host,-mtrr", steps="info,disk"))
def no_mtrr(run):
    text = guest(run, io=("info", "disk", "disk-write"))
    tap.check("mtrr=0" in run.steps()["info"][1], run.steps()["info"][1])
    return text


# Nestor interrupts the other CPU all the time; the time that the machine loses is not that CPU's fault.
@entry(Nested("lost-time", cpus=2, steps="info,types,disk", cmdline="intel_iommu=on nestor.types=60",
              stops=10, limit=400))
def lost_time(run):
    return guest(run, cpus=2, io=("info", "types", "types-nmi", "disk"))


# One boot of the KVM host for these is part of `make test`.
EVERY_TIME = ("scalable", "caching", "no-unit", "named", "machine-checks")
# On the older KVM host.
OTHER_HOST = ("scalable", "kernel-6.1", "named-sipi", "no-vmx-vpid")
