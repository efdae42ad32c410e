# SPDX-License-Identifier: BSD-2-Clause
"""Who may reach what: the root and the partitions beside it, as configuration and console say, for walk.py."""
import dataclasses
import re

PAGE = 4096
MIB = 1 << 20
# Where a store may be an interrupt (SDM 12.11.1), and in a page of the same address the local APIC is.
MESSAGES = (0xFEE00000, MIB)
# Of the attachment's functions: the page of the BAR that has the table of MSI-X (attach/pci.h).
TABLE_PAGE = 0x8000


@dataclasses.dataclass
class Machine:
    serial: str
    cpus: int
    protected: list = dataclasses.field(default_factory=list)   # [(base, size)] that no DMA may reach
    window: tuple = (0, 0)                                      # configuration space in memory


@dataclasses.dataclass
class Owner:
    name: str
    cpus: set
    memory: list = None         # [(base, size)]; None: the root, whose is what is nobody else's
    sids: tuple = None          # None: all that nobody else has
    bars: list = dataclasses.field(default_factory=list)        # what its CPUs may reach of its functions
    forbidden: list = dataclasses.field(default_factory=list)   # [(what, base, size)]
    moves: bool = False         # an address to it need not be the host's

    def refuses(self, at, out, size, bars=()):
        """What is wrong with [out, out + size) at that address; bars: those that are not memory and may be there."""
        if at != out and not self.moves:
            yield f"{at:x} is mapped to {out:x}"
        for what, base, length in self.forbidden:
            if out < base + length and base < out + size:
                yield f"outside the partition: {out:x} + {size:x} has a part of {what}"
        inside = self.memory is None or any(base <= out and out + size <= base + length
                                            for base, length in [*self.memory, *bars])
        if not inside:
            yield f"outside the partition: {out:x} + {size:x} is none of its memory"


def of_sid(owners, sid):
    return next((o for o in owners if o.sids is not None and sid in o.sids), owners[0])


def numbers(text):
    """"2-3,5" -> {2, 3, 5}"""
    parts = [[int(n) for n in part.split("-")] for part in text.split(",")]
    return {n for part in parts for n in range(part[0], part[-1] + 1)}


def partition(serial, name, cpus, mib, base, functions):
    devices = re.findall(rf"^partition {name}: device 0000:(\w\w):(\w\w)\.(\d),", serial, re.M)
    sids = tuple(int(bus, 16) << 8 | int(device, 16) << 3 | int(f) for bus, device, f in devices)
    o = Owner(name, numbers(cpus), [(int(base, 16), int(mib) * MIB)], sids, moves=True)
    for sid in sids:
        at, size = functions[sid]
        o.bars += [(at, TABLE_PAGE), (at + TABLE_PAGE + PAGE, size - TABLE_PAGE - PAGE)]
        o.forbidden += [("its table of MSI-X", at + TABLE_PAGE, PAGE)]
    return o


def of_machine(machine, taken, functions):
    """
    The root first. `taken`: Nestor's own, [(what, base, size)]; `functions`: {source-id: (base, size) of its BAR}. A
    machine without partitions has one owner, to whom nothing is forbidden but that.
    """
    found = re.findall(r"^partition (\S+): CPUs ([\d,-]+), (\d+) MiB at (\w+),", machine.serial, re.M)
    others = [partition(machine.serial, *f, functions) for f in dict.fromkeys(found)]
    root = Owner("the root", set(range(machine.cpus)).difference(*(o.cpus for o in others)),
                 moves="shadows for the guest" in machine.serial)
    root.forbidden += [("what is protected", *r) for r in machine.protected]
    taken = [*taken, ("what may be an interrupt", *MESSAGES)] if others else taken
    taken = [*taken, ("configuration space", *machine.window)] if any(o.sids for o in others) else taken
    for o in (root, *others):
        o.forbidden += taken
        for other in others:
            if other is not o:
                o.forbidden += [(f"{other.name}'s memory", *m) for m in other.memory]
                o.forbidden += [(f"{other.name}'s registers", *functions[sid]) for sid in other.sids]
    return [root, *others]
