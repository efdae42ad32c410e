#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What Nestor's exits cost, in instructions: bench.py FILE.json

Boots tests/efi/bench.c under Nestor on the Bochs machine, whose TSC counts instructions, with a unit that nests, with
one that is shadowed, and as the root beside a partition. Runs each twice: the figures are exact, so the second run must
give the same ones. Prints a table, writes JSON; exit status 1 when a figure is over its limit or the runs differ.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import caps      # noqa: E402
import machine   # noqa: E402

# The aim of a case: it takes at most so many instructions.
AIMS = {
    "cpuid, leaf 0": 90,
    "cpuid, leaf 1": 172,
    "cpuid, leaf 7": 267,
    "cpuid, leaf 80000008h": 172,
    "rdmsr, intercepted": 250,
    "wrmsr, intercepted": 270,
    "register read, 32 bits": 360,
    "doorbell, 1 command": 1050,
    "doorbell, 16 commands": 1050 + 15 * 95,
    "doorbell, 256 commands": 1050 + 255 * 95 + 50,
    "interrupt entry, 1": 1300,
    "interrupt entries, 17": 1300 + 16 * 220,
    "interrupt entry, 1, vetted whole": 1400,
    "interrupt entries, 17, vetted whole": 1400 + 16 * 400,
    "first-stage map of 512 pages, above plain stores": 0,
}

# On a shadowed unit. Whole tables: from the doorbell to the status, so with the guest's looks at that; what of it is
# Nestor's has its limits in tests/bench/report, 25 for a 4K leaf and 60 for a large one.
SHADOW_AIMS = {
    "shadow: a page mapped": 2500,
    "shadow: a page taken away": 2500,
    "shadow: 1 GiB in 4K pages": 30 * 512 * 512,
    "shadow: 1 GiB in 4K pages, again": 30 * 512 * 512,
    "shadow: 32 GiB in 2M pages": 60 * 32 * 512,
    "shadow: 32 GiB in 2M pages, again": 60 * 32 * 512,
    "shadow: 64 GiB in 4K pages": 30 * 64 * 512 * 512,
    "shadow: 64 GiB in 4K pages, again": 30 * 64 * 512 * 512,
}

# Of the root where there is a partition beside it, which has a PCI function and waits. An access to configuration space
# by ports is two of these.
PARTITION_AIMS = {
    "cpuid beside a partition": 130,
    "configuration address, written": 160,
    "configuration data, read": 400,
    "configuration data, written": 400,
    "configuration window, read": 900,
    "configuration window, written": 900,
    "interrupt to one CPU": 170,
    "interrupt to a cluster": 170,
    "interrupt to all CPUs": 200,
}


def boot(serial):
    """From efi_main to the first instructions of the guest, by the boot report's own clock."""
    found = re.search(r"Nestor \S+\r?\n.*?(?=Nestor runs: .*, after (\d+)\.(\d+) ms)", serial, re.S)
    if not found:
        return {}
    per_us = machine.IPS // 1000000
    return {"boot, efi_main to the guest": (int(found[1]) * 1000 + int(found[2])) * per_us,
            # Time spent waiting for the UART: ten bits a character at 115,200 baud.
            "boot, of these for serial output": len(found[0]) * 10 * machine.IPS // 115200}


def measure(**options):
    """{case: instructions} of one boot, and the machine's result."""
    program = machine.TOP / "obj/efi-tests/bench.efi"
    result = machine.Machine(machine.Options(nestor=True, efi=program, timeout=300, **options)).run()
    return {name: int(ticks)
            for name, ticks in re.findall(r"^bench: ([^\t\n]+)\t(\d+)\r?$", result.serial, re.M)}, result


def run():
    figures, result = measure(units=(machine.REMAPS,), dmar_flags=machine.INTR_REMAP)
    figures.update(boot(result.serial))
    return figures, result


def run_shadow(large=True):
    """On a unit that does not nest; large: with 64 GiB in 4K pages, which take half of 320 MiB."""
    units = (machine.Unit(0xFED90000, ecap=caps.parse("NEST=0", caps.SERVER_ECAP, caps.ECAP)),)
    if not large:
        return measure(units=units)
    return measure(units=units, memory=1024, config="[memory]\nshadow-memory = 320\n", efi_options="64")


def run_partition():
    config = r"""[partition rt]
cpus = 1
memory = 4M
image = \EFI\nestor\rt.elf
device = 0000:00:08.0
control-by = root
start = later
allow-shared-core = yes
"""
    guest = (machine.TOP / "obj/bochs/partition/guest.elf").read_bytes()
    return measure(cpus=2, quantum=1, units=(machine.REMAPS,), dmar_flags=machine.INTR_REMAP, functions=True,
                   config=config, files={"/EFI/nestor/rt.elf": guest}, efi_options="partition")


def both():
    """{case: instructions} of all machines; None if one of them did not reach its end."""
    figures = {}
    for some, result in (run(), run_shadow(), run_partition()):
        if not some or not result.ended or "NOT DONE" in result.serial:
            print(result.serial[-3000:] + "\nthe measurement did not reach its end")
            return None
        figures.update(some)
    return figures


def main():
    first, second = both(), both()
    if first is None or second is None:
        return 1
    bad, aims = 0, {**AIMS, **SHADOW_AIMS, **PARTITION_AIMS}
    print(f"{'case':52} {'instructions':>14}  aim")
    for name, count in first.items():
        aim = aims.get(name)
        late = aim is not None and count > aim
        differs = second.get(name) != count
        bad += late + differs
        note = "" if aim is None else f"{aim} {'missed' if late else 'met'}"
        print(f"{name:52} {count:14}  {note}" + (f"  SECOND RUN: {second.get(name)}" if differs else ""))
    rows = [{"program": "bench.efi", "name": name, "instructions": count, "aim": aims.get(name)}
            for name, count in first.items()]
    pathlib.Path(sys.argv[1]).write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
