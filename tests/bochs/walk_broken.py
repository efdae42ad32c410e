# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots in which one thing is broken for a try: what the walk (walk.py) does not say of it, it does not look at."""
import re

from owners import MESSAGES, TABLE_PAGE
from walk import ADDRESS, PAGE, PRESENT, WRITE, Snapshot
from walk_ept import EPTP, TYPE_SHIFT, WRITE_BACK

LEVEL, NMI = 1 << 4, 4 << 5
ONE_SOURCE = 1 << 18
# A device of the root's, and memory that is the root's and far from everybody else's.
ROOTS_SID, ROOTS_MEMORY = 0x09, 0x200000


def breakages(snapshot, pool, walks, _):
    """(what is broken, {address: word}, what the walk must say), for the first unit."""
    places, unit, own = walks[0].places[snapshot.owners[0].name], snapshot.units[0], snapshot.own[0]

    def word(at):
        return snapshot.memory.words(at, 1)[0]

    cached = [words for what, _, _, _, words in unit.cached if what == "iotlb"]
    cached_sid, cached_pasid = next((k1, k2) for what, k1, k2, _, _ in unit.cached if what == "pasid")
    leaf = next(at for at in places if isinstance(at, int) and not (cached and at <= cached[0][0] < at + PAGE))
    leaf_at, link = places[leaf], places["link"]
    context, pasid = walks[0].context_at(cached_sid, True), walks[0].pasid_at(cached_sid, cached_pasid)
    free = max(set(range(pool.pages)) - pool.taken)
    bits = pool.base + free // 64 * 8
    table = (word(pasid) & ADDRESS) - pool.base >> 12
    yield "a read-only leaf", {leaf_at: word(leaf_at) & ~WRITE}, "read-only"
    yield "a read-only link", {link: word(link) & ~WRITE}, "read-only"
    yield "Nestor's page mapped", {leaf_at: own | 7}, "Nestor's memory"
    yield "registers mapped", {leaf_at: unit.base | 7}, "registers"
    yield "pass-through", {pasid: word(pasid) & ~0x1C0 | 4 << 6}, "skips the second stage"
    yield "a device's own TLB", {context: word(context) | 4}, "DTE"
    yield "a guest's table", {link: word(link) & ~ADDRESS | 0x200000}, "is not in Nestor's memory"
    taken = pool.base + table // 64 * 8
    yield "a freed table", {taken: word(taken) & ~(1 << table % 64)}, "not in use"
    yield "another context entry", {context + 8: word(context + 8) ^ 1}, "stale: the cached context"
    yield "another PASID entry", {pasid + 8: word(pasid + 8) ^ 1}, "stale: the cached PASID"
    if cached:
        gone = max(at for at in places if isinstance(at, int) and at <= cached[0][0])
        yield "memory taken away", {places[gone]: 0}, "stale: a cached translation"
    if "interrupt" in places:
        entry = places["interrupt"]
        yield "an NMI", {entry: word(entry) & ~0xE0 | NMI}, "no ordinary interrupt"
        yield "a foreign CPU", {entry: word(entry) & 0xFFFFFFFB | 0xFE << 32}, "a CPU that is not there"
        remapped = next(k1 for what, k1, _, _, _ in unit.cached if what == "interrupt") * 16
        remapped += unit.interrupts & ADDRESS
        yield "another interrupt entry", {remapped + 8: word(remapped + 8) ^ 1}, "stale: the cached interrupt"
    yield "a page lost", {bits: word(bits) | 1 << free % 64}, None


class Apart:
    """Where things are that keep the root, a partition with a function (`a`) and another one (`b`) apart."""

    def __init__(self, snapshot, walks, epts):
        self.snapshot, self.walk, self.epts, self.unit = snapshot, walks[0], epts, snapshot.units[0]
        self.root = snapshot.owners[0]
        self.a = next(o for o in snapshot.owners if o.sids)
        self.b = next(o for o in snapshot.owners if o.memory and o is not self.a)
        self.sid = self.a.sids[0]
        self.bar = self.a.bars[0][0]

    def word(self, at):
        return self.snapshot.memory.words(at, 1)[0]

    def leaf_of_dma(self, owner):
        return next(place for at, place in self.walk.places[owner.name].items() if isinstance(at, int) and at != 0)

    def leaf_of_cpus(self, owner, lowest=0):
        """That of the first page from there on."""
        leaves = self.epts.leaves[self.epts.of[owner.name]]
        return min((at, place) for at, _, size, _, place in leaves if size == PAGE and at >= lowest)[1]

    def led_to(self, place, out):
        return {place: self.word(place) & ~ADDRESS | out}

    def context_at(self, root, sid):
        in_use, self.unit.root = self.unit.root, root
        at = self.walk.context_at(sid, True)
        self.unit.root = in_use
        return at

    def copied(self, to, source, words):
        return {to + 8 * i: self.word(source + 8 * i) for i in range(words)}


def memory_apart(p):
    """By DMA and by CPUs."""
    a, b = p.a.memory[0][0], p.b.memory[0][0]
    window = next(base for what, base, _ in p.root.forbidden if what == "configuration space")
    outside = (("the root's memory", ROOTS_MEMORY, "none of its memory"),
               ("Nestor's memory", p.snapshot.own[0], "Nestor's memory"), ("a unit", p.unit.base, "unit .*registers"),
               (f"{p.b.name}'s memory", b, f"{p.b.name}'s memory"), ("the local APIC", MESSAGES[0], "an interrupt"))
    for what, out, said in (*outside, ("its own registers", p.bar, "none of its memory")):
        yield f"DMA of {p.a.name} to {what}", p.led_to(p.leaf_of_dma(p.a), out), f": DMA of {p.a.name}: .*{said}"
    for what, out, said in (*outside, ("its table of MSI-X", p.bar + TABLE_PAGE, "its table of MSI-X")):
        yield f"CPUs of {p.a.name} to {what}", p.led_to(p.leaf_of_cpus(p.a), out), f"^CPUs of {p.a.name}: .*{said}"
    yield (f"CPUs of {p.b.name} to {p.a.name}'s memory", p.led_to(p.leaf_of_cpus(p.b), a),
           f"^CPUs of {p.b.name}: .*{p.a.name}'s memory")
    yield (f"DMA of the root to {p.a.name}'s memory", p.led_to(p.leaf_of_dma(p.root), a),
           f": DMA of the root: .*{p.a.name}'s memory")
    for what, out, said in ((f"{p.a.name}'s memory", a, f"{p.a.name}'s memory"), outside[1], outside[4],
                            ("registers of another's function", p.bar, f"{p.a.name}'s registers"),
                            ("its configuration", window + (p.sid << 12), "configuration space")):
        yield f"CPUs of the root to {what}", p.led_to(p.leaf_of_cpus(p.root), out), f"^CPUs of the root: .*{said}"


def tables_apart(p):
    """Whose tables are whose."""
    bar = p.leaf_of_cpus(p.a, lowest=p.bar)
    yield "registers that are cached", {bar: p.word(bar) | WRITE_BACK << TYPE_SHIFT}, "memory type 6"
    for one, other in ((p.root, p.a), (p.a, p.root), (p.b, p.a)):
        fields, eptp = [p.epts.vmcs[cpu] + EPTP for cpu in sorted(one.cpus)], p.epts.of[other.name]
        yield (f"CPUs of {one.name} with the EPT of {other.name}", dict.fromkeys(fields, eptp),
               f"^CPUs of {one.name}: .*outside the partition")
        if len(fields) > 1:
            yield f"a CPU of {one.name} with the EPT of {other.name}", {fields[-1]: eptp}, "an EPT of its own"
    for root in p.walk.roots:
        function, others = p.context_at(root, p.sid), p.context_at(root, ROOTS_SID)
        where = "the root table in use" if root == p.unit.root else "the other root table"
        yield f"{where}: the function as the root's", p.copied(function, others, 4), f": DMA of {p.a.name}: .*outside"
        yield f"{where}: a device of the root's as the function", p.copied(others, function, 4), ": DMA of the root: "
        yield f"{where}: the function blocked", {function: p.word(function) & ~PRESENT}, "the root tables differ"


def interrupts_apart(p):
    entry = p.walk.places[p.a.name]["interrupt"]
    low, high, free = p.word(entry), p.word(entry + 8), p.unit.interrupts & ADDRESS
    yield "a message to a CPU of the root's", {entry: low & 0xFFFFFFFF}, f"or not {p.a.name}'s"
    yield "a message to a CPU of another partition's", {entry: low & 0xFFFFFFFF | min(p.b.cpus) << 32}, "or not"
    yield "a message to all CPUs", {entry: low | 0xFFFFFFFF << 32}, f"or not {p.a.name}'s"
    yield "a message of any source-id", {entry + 8: high & ~(3 << 18)}, "may be used by"
    yield "a message of eight functions", {entry + 8: high | 3 << 16}, "is not for one source-id"
    yield "a message of another's function", {entry + 8: high & ~0xFFFF | ROOTS_SID}, "or not the root's"
    yield "a message that is an NMI", {entry: low & ~0xE0 | NMI}, "no ordinary interrupt"
    yield "a message by level", {entry: low | LEVEL}, "one by level"
    yield ("an interrupt of the root's to that CPU",
           {free: low, free + 8: ONE_SOURCE | ROOTS_SID}, "or not the root's")


def breakages_apart(snapshot, _, walks, epts):
    p = Apart(snapshot, walks, epts)
    for kind in (memory_apart, tables_apart, interrupts_apart):
        yield from kind(p)


def unseen(path, own, elf, machine):
    """Breaks one thing after the other; -> how many, and those that the walk does not see, or could not be tried."""
    snapshot = Snapshot(path, own, elf, machine)
    found = snapshot.walk()
    before, out, tried = len(found[0].lost()), [], 0
    apart = len(snapshot.owners) > 1
    for what, changed, said in (breakages_apart if apart else breakages)(snapshot, *found):
        snapshot.memory.changed = changed
        pool, *rest = snapshot.walk()
        findings = snapshot.findings(pool, *rest)
        lost = len(pool.lost()) if said is None else 0
        snapshot.memory.changed = {}
        tried += 1
        if lost <= before if said is None else not any(re.search(said, line) for line in findings):
            out.append(f"{what}: {findings[:3]}")
    snapshot.memory.close()
    wanted = 12 + 3 * (snapshot.units[0].status >> 25 & 1)
    return tried, out if apart or tried == wanted else [*out, f"{tried} were tried"]
