# SPDX-License-Identifier: BSD-2-Clause
"""What each CPU reaches by its EPT, from a snapshot of memory (walk.py): SDM 30.3, read once more.

A CPU's EPT is the one that its VMCS names. A VMCS is a page of Nestor's that begins with the emulator's revision, and
one that is in use has been launched: where a CPU leaves one for another, it clears the first. What else stands where in
the page is the emulator's own affair (Bochs 3.1). Nestor gives each CPU its number plus 1 as its VPID.
"""
PAGE = 4096
ADDRESS = 0x000FFFFFFFFFF000
REVISION, LAUNCH_STATE, VPID, EPTP = 0x2B, 8, 0x10, 0x278
READ, WRITE, EXECUTE, LARGE = 1, 2, 4, 0x80
TYPE_SHIFT, UNCACHED, WRITE_BACK = 3, 0, 6
FOUR_LEVELS = 3 << 3 | WRITE_BACK


class Epts:
    def __init__(self, memory, own, pool, owners):
        self.memory, self.own, self.pool, self.owners = memory, own, pool, owners
        self.findings, self.vmcs = [], {}       # CPU: where its VMCS is
        self.leaves = {}                        # EPTP: [(address, where it leads, size, entry, where that is)]
        self.of = {}                            # owner's name: the EPTP of its CPUs

    def find(self, text):
        if len(self.findings) < 50:
            self.findings.append(text)

    def word(self, at):
        return (self.memory.words(at, 1) or (0,))[0]

    def find_vmcs(self):
        for page in sorted(self.pool.taken):
            at = self.pool.base + page * PAGE
            revision, launched, vpid = self.memory.words(at, 3)
            if revision != REVISION or launched & 0xFFFFFFFF == 0:
                continue
            cpu = (vpid & 0xFFFF) - 1
            if cpu in self.vmcs:
                self.find(f"CPU {cpu} has two VMCSs")
            self.vmcs[cpu] = at
        for o in self.owners:
            missing = o.cpus - self.vmcs.keys()
            if missing:
                self.find(f"{o.name}: no VMCS of CPUs {sorted(missing)}")

    def run(self):
        self.find_vmcs()
        for cpu, at in sorted(self.vmcs.items()):
            owner = next((o for o in self.owners if cpu in o.cpus), None)
            eptp = self.word(at + EPTP)
            if owner is None or self.of.setdefault(owner.name, eptp) != eptp:
                self.find(f"CPU {cpu} has an EPT of its own")
            elif eptp & ~ADDRESS != FOUR_LEVELS:
                self.find(f"CPU {cpu}: EPTP {eptp:x}")
            if eptp not in self.leaves:
                self.leaves[eptp] = []
                self.table(eptp & ADDRESS, 4, 0, eptp)
        for o in self.owners:
            if o.name in self.of:
                self.check(o, self.leaves[self.of[o.name]])

    def table(self, at, level, gpa, eptp):
        if not self.pool.has(at) or not self.pool.is_taken(at):
            self.find(f"EPT {eptp:x}: a table at {at:x}, which is no page of Nestor's that is in use")
        span = PAGE << 9 * (level - 1)
        for i, entry in enumerate(self.memory.words(at, 512) or ()):
            if entry & (READ | WRITE | EXECUTE) == 0:
                continue
            if level > 1 and entry & LARGE == 0:
                self.table(entry & ADDRESS, level - 1, gpa + i * span, eptp)
            else:
                self.leaves[eptp].append((gpa + i * span, entry & ADDRESS & ~(span - 1), span, entry, at + 8 * i))

    def check(self, owner, leaves):
        reached = 0
        for at, out, size, entry, _ in leaves:
            for text in owner.refuses(at, out, size, owner.bars):
                self.find(f"CPUs of {owner.name}: {text}")
            is_bar = any(base <= out < base + length for base, length in owner.bars)
            kind = entry >> TYPE_SHIFT & 7
            if owner.memory is not None and kind != (UNCACHED if is_bar else WRITE_BACK):
                self.find(f"CPUs of {owner.name}: {out:x} is of memory type {kind}")
            if is_bar and (at != out or entry & EXECUTE):
                self.find(f"CPUs of {owner.name}: registers at {out:x} are at {at:x}, with rights {entry & 7}")
            reached += 0 if is_bar else size
        # A hole for what a PC has below 1 MiB and for tables, no more.
        if owner.memory is not None and not 0.9 < reached / sum(size for _, size in owner.memory) <= 1:
            self.find(f"CPUs of {owner.name} reach {reached:x} bytes")
        for base, length in owner.bars:
            if sum(size for _, out, size, _, _ in leaves if base <= out < base + length) != length:
                self.find(f"CPUs of {owner.name} do not reach all of {base:x} + {length:x}")

    def check_dma(self, walk):
        """What devices reach, their owner's CPUs do."""
        for (name, root, _), found in walk.second.items():
            spans = merged((out, size) for _, out, size, _, _ in self.leaves.get(self.of.get(name), ()))
            for at, out, size, _ in found["leaves"]:
                if not any(base <= out and out + size <= end for base, end in spans):
                    self.find(f"DMA of {name} by {root:x} reaches {out:x} at {at:x}, its CPUs do not")
                    break

    def summary(self):
        return [f"CPUs of {o.name}: {len(self.leaves.get(self.of.get(o.name), ()))} leaves" for o in self.owners
                if self.of]


def merged(spans):
    """[(begin, end)] without neighbours."""
    out = []
    for base, size in sorted(spans):
        if out and base <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], base + size))
        else:
            out.append((base, base + size))
    return out
