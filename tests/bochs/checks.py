# SPDX-License-Identifier: BSD-2-Clause
"""Checks of a result that several tests on the Bochs machine share."""
import re

import machine
import summary
import tap

DEVICES = {"disk": machine.SIDS["pci_ide"], "USB": machine.SIDS["usb_uhci"], "network": machine.SIDS["e1000"]}
# Steps of a guest that try each device once, and the verdicts that they print.
WORK = "info,iommu,disk,net,usb"
WORK_STEPS = ("info", "disk", "disk-write", "net", "net-transfer", "usb")


def steps_ok(result, *names, stage=None):
    """Each of these steps of the guest said ok."""
    steps = result.steps(stage)
    for name in names:
        tap.check(steps.get(name, (False,))[0], f"stage {stage}, {name}: {steps.get(name)}")


def only(result, report, kind):
    """From that kernel's first instruction of user space on, each device's DMA was of that one kind."""
    for name, sid in DEVICES.items():
        kinds = {k: v for k, v in result.kinds(sid, report).items() if v and k != "faults"}
        tap.check(kinds.get(kind, 0) > 100 and set(kinds) == {kind}, f"report {report}, {name}: {kinds}")


def works(result, stage, report, kind, units):
    """All devices work in that kernel, their DMA is of that kind, and the guest has that many units."""
    steps_ok(result, *WORK_STEPS, stage=stage)
    tap.check(f"units={units}" in result.steps(stage)["iommu"][1], str(result.steps(stage)["iommu"]))
    only(result, report, kind)


def walks(result, count):
    """
    From all source-ids of all units, in each of that many snapshots: nothing outside the partition, nothing read-only
    under a nested entry, nothing stale, nothing leaked.
    """
    tap.check(len(result.walks) == count, f"{len(result.walks)} snapshots")
    for i, w in enumerate(result.walks):
        tap.check(w.findings == [], f"snapshot {i}:\n" + "\n".join(w.findings))
        tap.check(w.lost == 0, f"snapshot {i}: {w.summary}")
    return "\n".join(w.summary for w in result.walks)


# Register accesses that a driver makes once, to find its unit, set it up and switch it off; and EPT
# violations that are first accesses to device memory.
SET_UP, FIRST_ACCESSES, FEW = 64, 200, 4


def no_exit_on_map(result, stage, lazy):
    """
    After a steady load (step `load`) each access to the unit's registers was a doorbell, a poll or part of the
    set-up. Where unmaps are flushed in batches (lazy), there are few of them compared with the maps.
    """
    said = summary.figures(result.serial)
    maps = int(re.search(r"maps=(\d+)", result.steps(stage)["load"][1]).group(1))
    accesses, reads = said["register accesses"], said["of them reads"]
    doorbells = said["tail writes that found work"]
    text = f"{maps} maps; {accesses} register accesses: {doorbells} doorbells, {reads} reads, " \
           f"{accesses - reads - doorbells} other writes; {said['EPT violation']} EPT violations"
    tap.check(maps > 5000, text)
    tap.check(0 <= accesses - reads - doorbells < SET_UP, text)
    tap.check(reads < SET_UP + doorbells, text)
    tap.check(0 <= said["EPT violation"] - accesses < FIRST_ACCESSES, text)
    tap.check(not lazy or accesses * FEW < maps, text)
    return text
