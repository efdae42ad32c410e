# SPDX-License-Identifier: BSD-2-Clause
"""A walk over everything that the units of a running machine could reach, from a snapshot of its memory.

attach/snapshot.c writes memory, the units' registers and what they have cached. From there on this is VT-d 3.4, 9.1 to
9.9 read once more, sharing nothing with the driver: for each of the 65,536 source-ids of each unit, and each PASID that
has an entry, what the tables lead to; and, where interrupts are remapped, each entry of the table. A finding is a line;
there should be none:

- a request that skips the second stage, or an entry that lets a device's own TLB or page requests in;
- a byte outside the partition: Nestor's memory, a unit's registers, what the configuration protects;
- a page that can be read and not written under a nested entry, at any level (Intel 772415);
- an interrupt that is no ordinary one of a device, or for a CPU that is not there;
- anything stale: a table in memory that is not Nestor's or not taken from its pool, one page as two kinds of table, a
  cached entry that memory contradicts;
- anything leaked: a page of the pool that is taken and to which nothing of Nestor's memory points any more, beyond
  those of the snapshot before.
"""
import dataclasses
import mmap
import re
import struct
import subprocess

PAGE = 4096
ADDRESS = 0x000FFFFFFFFFF000
PASS_THROUGH, SECOND_STAGE_ONLY = 2, 0                  # TT of a legacy entry
FIRST, SECOND, NESTED = 1, 2, 3                         # PGTT of a scalable one
KINDS = {3: "second-stage", 4: "nested"}                # of the model: what a cached translation may be
LINK_BASE = 0x10000                                     # of Nestor's image
DIRECT = 0xFFFF800000000000                             # of its map of all memory
READ, WRITE, LARGE, PRESENT = 1, 2, 0x80, 1
TABLES_MAX = 200000                                     # of a guest's first stage: it may lead to itself


@dataclasses.dataclass
class Unit:
    base: int
    size: int
    cap: int = 0
    ecap: int = 0
    status: int = 0
    root: int = 0
    queue: int = 0
    interrupts: int = 0                                      # IRTA, as SIRTP latched it
    cached: list = dataclasses.field(default_factory=list)   # (what, key, key, reason, words)


def read_units(text):
    units = []
    for line in text.splitlines():
        what, *numbers = line.split()
        numbers = [int(n, 16) for n in numbers]
        if what == "unit":
            units.append(Unit(*numbers))
        elif what == "registers":
            u = units[-1]
            u.cap, u.ecap, u.status, u.root, u.queue, u.interrupts = numbers
        else:
            units[-1].cached.append((what, *numbers[:3], numbers[3:]))
    return units


def pool_symbol(elf):
    """Where the image has its pool, hv/machine/pool.c."""
    out = subprocess.run(["nm", elf], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"^(\w+) [bB] pool$", out, re.M)[1], 16)


class Memory:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.map = mmap.mmap(self.file.fileno(), 0, prot=mmap.PROT_READ)
        self.changed = {}               # words that are to be other ones, by their addresses

    def words(self, addr, count):
        """None outside of memory."""
        if addr < 0 or addr + 8 * count > len(self.map):
            return None
        words = struct.unpack_from(f"<{count}Q", self.map, addr)
        if any(addr <= at < addr + 8 * count for at in self.changed):
            words = tuple(self.changed.get(addr + 8 * i, word) for i, word in enumerate(words))
        return words

    def close(self):
        self.map.close()
        self.file.close()


class Pool:
    """Nestor's pages: which are taken, and which of those nothing points to."""

    def __init__(self, memory, own, symbol):
        self.memory, (self.own_base, self.own_size) = memory, own
        words = memory.words(self.own_base + symbol - LINK_BASE, 8)
        self.base, self.pages = next(
            ((a, b) for a, b in zip(words, words[1:])
             if self.own_base < a < self.own_base + self.own_size and a % PAGE == 0
             and 0 < b <= (self.own_base + self.own_size - a) // PAGE), (0, 0))
        bits = memory.words(self.base, (self.pages + 63) // 64) or ()
        self.taken = {i for i in range(self.pages) if bits[i // 64] >> i % 64 & 1}

    def has(self, addr):
        return self.base <= addr < self.base + self.pages * PAGE

    def is_taken(self, addr):
        return (addr - self.base) // PAGE in self.taken

    def pointed_to(self, addr, size):
        """Taken pages to which a word there points, as an address or through the map of all memory."""
        for word in self.memory.words(addr, size // 8):
            for value in (word & ADDRESS, (word - DIRECT) & ADDRESS if word >= DIRECT else 0):
                page = (value - self.base) // PAGE
                if value >= self.base and page in self.taken:
                    yield page

    def lost(self):
        """Taken, and not to be reached from the image or from what is not the pool's, by words that look like it."""
        todo = set(self.pointed_to(self.own_base, self.base - self.own_base))
        after = self.base + self.pages * PAGE
        todo |= set(self.pointed_to(after, self.own_base + self.own_size - after))
        seen = set()
        while todo:
            page = todo.pop()
            seen.add(page)
            todo |= set(self.pointed_to(self.base + page * PAGE, PAGE)) - seen
        bitmap = range((self.pages // 8 + PAGE - 1) // PAGE)
        return self.taken - seen - set(bitmap)


class Walk:
    def __init__(self, memory, unit, own, pool, forbidden, cpus, shadows):
        self.memory, self.unit, self.own, self.pool = memory, unit, own, pool
        self.shadows = shadows          # a second stage may be that of a guest's table: any address to any page
        self.forbidden, self.cpus = forbidden, cpus     # [(name, base, size)]; ids are 0 to cpus - 1
        self.interrupts, self.interrupt_pages = 0, set()
        self.findings, self.kinds = [], {}
        self.roles = {}                 # page: what kind of table it is
        self.second = {}                # (root, levels): SecondStage
        self.entries = {}               # words of an entry that was walked
        self.nested, self.leaves, self.sids, self.first_tables = 0, 0, 0, 0
        self.places = {}                # where the leaf of an address is, and "link": an entry that points to a table

    def find(self, text):
        if len(self.findings) < 50:
            self.findings.append(f"unit {self.unit.base:x}: {text}")

    # --- tables of Nestor's ---

    def table(self, addr, role, count=512):
        """The words of a table, which must be in a taken page of Nestor's memory and be nothing else."""
        if not self.own[0] <= addr < self.own[0] + self.own[1]:
            self.find(f"{role} at {addr:x} is not in Nestor's memory")
        elif not self.pool.has(addr) or not self.pool.is_taken(addr):
            self.find(f"{role} at {addr:x} is in a page that is not in use")
        if self.roles.setdefault(addr & ADDRESS, role) != role:
            self.find(f"{addr:x} is {role} and {self.roles[addr & ADDRESS]}")
        words = self.memory.words(addr, count)
        if words is None:
            self.find(f"{role} at {addr:x} is not in memory")
        return words or (0,) * count

    def summary(self):
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.kinds.items()))
        return (f"unit {self.unit.base:x}: {kinds}, {self.nested} nested entries, {self.leaves} leaves, "
                f"{self.first_tables} first-stage tables, {self.interrupts} interrupt entries, "
                f"{len(self.unit.cached)} cached")

    def run(self):
        if self.unit.status >> 31 & 1 == 0:
            self.find("translation is off")
            return
        mode = self.unit.root >> 10 & 3
        if mode > 1:
            self.find(f"translation mode {mode}")
            return
        if not self.own[0] <= self.unit.queue & ADDRESS < self.own[0] + self.own[1]:
            self.find("the invalidation queue is not in Nestor's memory")
        root = self.table(self.unit.root & ADDRESS, "a root table")
        for bus in range(256):
            for half in range(2):
                self.context_table(bus, half, root[2 * bus + half], mode == 1)
        if self.unit.status >> 25 & 1:
            self.interrupt_table()
        self.check_cached(mode == 1)

    # --- interrupts ---

    def interrupt_table(self):
        base, size = self.unit.interrupts & ADDRESS, 32 << (self.unit.interrupts & 15)
        first = (base - self.pool.base) // PAGE
        self.interrupt_pages = set(range(first, first + size // PAGE))
        for at in range(base, base + size, PAGE):
            words = self.table(at, "a table of interrupt entries")
            for i in range(0, 512, 2):
                if words[i] & PRESENT:
                    self.interrupts += 1
                    self.places.setdefault("interrupt", at + 8 * i)
                    self.interrupt((at - base) // 16 + i // 2, words[i], words[i + 1])

    def interrupt(self, index, low, high):
        name, mode = f"interrupt entry {index:x} ({high:x} {low:x})", low >> 5 & 7
        if mode > 1 or low >> 15 & 1 or low >> 16 & 0xFF < 16:
            self.find(f"{name} is no ordinary interrupt")
        if low & 0xFF007000 or high >> 20 or high >> 18 & 3 == 3:
            self.find(f"{name}: reserved bits")
        if not self.has_cpus(low >> 32, low >> 2 & 1):
            self.find(f"{name}: for a CPU that is not there")

    def has_cpus(self, destination, logical):
        if self.unit.interrupts >> 11 & 1 == 0:
            return logical or destination >> 8 & 0xFF == 0xFF or destination >> 8 & 0xFF < self.cpus
        if destination == 0xFFFFFFFF or not logical:
            return destination == 0xFFFFFFFF or destination < self.cpus
        mask, first = destination & 0xFFFF, (destination >> 16) * 16
        return mask != 0 and first + mask.bit_length() <= self.cpus

    def context_table(self, bus, half, pointer, scalable):
        if not scalable and half == 1:
            if pointer != 0:
                self.find(f"bus {bus:x}: reserved bits of the root entry")
            return
        count = 128 if scalable else 256
        if pointer & PRESENT == 0:
            self.blocked(count)
            return
        if pointer & 0xFFE:
            self.find(f"bus {bus:x}: reserved bits of the root entry")
        table = self.table(pointer & ADDRESS, "a context table")
        size = 4 if scalable else 2
        for i in range(count):
            self.sids += 1
            self.context(bus << 8 | half << 7 | i, table[size * i:size * i + size], scalable)

    def blocked(self, count):
        self.sids += count
        self.kinds["blocked"] = self.kinds.get("blocked", 0) + count

    def count(self, kind):
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def context(self, sid, words, scalable):
        if words[0] & PRESENT == 0:
            self.count("blocked")
            return
        if words not in self.entries:
            self.entries[words] = self.scalable(sid, words) if scalable else self.legacy(sid, words)
        self.count(self.entries[words])

    def legacy(self, sid, words):
        if words[0] >> 2 & 3 != SECOND_STAGE_ONLY:
            self.find(f"source-id {sid:04x} skips the second stage or may use its own TLB: TT={words[0] >> 2 & 3}")
        self.reach(sid, words[0] & ADDRESS, words[1] & 7, nested=False)
        return "second-stage"

    def scalable(self, sid, words):
        if words[0] & 0x34:
            self.find(f"source-id {sid:04x}: DTE, PRE or HPTE in {words[0]:x}")
        if words[1] & ~0xFFFFF or words[2] or words[3]:
            self.find(f"source-id {sid:04x}: reserved bits of the context entry")
        directory = words[0] & ADDRESS
        bytes_long = 8 << (words[0] >> 9 & 7) + 7
        own_kind = "blocked"
        for at in range(0, bytes_long, PAGE):
            count = min(512, bytes_long // 8)
            for i, entry in enumerate(self.table(directory + at, "a PASID directory", count)):
                if entry & PRESENT:
                    kinds = self.pasid_table(sid, entry & ADDRESS, (at // 8 + i) << 6)
                    own_kind = kinds.get(words[1] & 0xFFFFF, own_kind)
        return own_kind

    def pasid_table(self, sid, table, first):
        words = self.table(table, "a PASID table")
        kinds = {}
        for i in range(64):
            entry = words[8 * i:8 * i + 8]
            if entry[0] & PRESENT:
                kinds[first + i] = self.pasid(sid, first + i, entry)
        return kinds

    def pasid(self, sid, pasid, entry):
        name, pgtt = f"source-id {sid:04x}, PASID {pasid:x}", entry[0] >> 6 & 7
        if pgtt not in (SECOND, NESTED):
            self.find(f"{name} skips the second stage: PGTT={pgtt}")
            return f"PGTT {pgtt}"
        if entry[0] & 0xE20:
            self.find(f"{name}: SSADE or reserved bits in {entry[0]:x}")
        second = self.reach(name, entry[0] & ADDRESS, entry[0] >> 2 & 7, pgtt == NESTED)
        if pgtt == NESTED and second:
            self.nested += 1
            self.first_stage(name, entry[2] & ADDRESS, 5 if entry[2] >> 2 & 3 == 1 else 4, second)
        return "nested" if pgtt == NESTED else "second-stage"

    # --- the second stage ---

    def reach(self, name, root, width, nested):
        """All that a second stage leads to; once for each root."""
        levels = width + 2
        if width not in (1, 2, 3):
            self.find(f"{name}: AW={width}")
            return None
        if (root, levels) not in self.second:
            self.second[root, levels] = {"leaves": [], "read-only": []}
            self.second_table(root, levels, 0, READ | WRITE, self.second[root, levels])
        found = self.second[root, levels]
        if nested and found["read-only"] and not found.get("said"):
            found["said"] = True
            self.find(f"{name}: {len(found['read-only'])} read-only pages under a nested entry, "
                      f"the first at {found['read-only'][0]:x}")
        return found

    def second_table(self, table, level, addr, rights, found):
        span = PAGE << 9 * (level - 1)
        for i, entry in enumerate(self.table(table, f"a second-stage table of level {level}")):
            if entry & (READ | WRITE) == 0:
                continue
            at, here = addr + i * span, rights & entry
            if level > 1 and entry & LARGE == 0:
                if entry & (1 << 11 | 1 << 62):
                    self.find(f"reserved bits in the second stage: {entry:x} at {at:x}")
                self.places.setdefault("link", table + 8 * i)
                if here != rights:
                    found["read-only"].append(at)
                self.second_table(entry & ADDRESS, level - 1, at, here, found)
            else:
                self.places[at] = table + 8 * i
                self.leaf(at, entry & ADDRESS & ~(span - 1), span, here, found)

    def leaf(self, at, out, size, rights, found):
        self.leaves += 1
        if at != out and not self.shadows:
            self.find(f"{at:x} is mapped to {out:x}")
        if rights != READ | WRITE:
            found["read-only"].append(at)
        found["leaves"].append((out, size, rights))
        for name, base, length in self.forbidden:
            if out < base + length and base < out + size:
                self.find(f"outside the partition: {out:x} + {size:x} has a part of {name}")

    @staticmethod
    def lookup(found, addr, size):
        """The rights that hold for all of it; 0 if something of it is not there."""
        rights = READ | WRITE
        while size > 0:
            leaf = next(((at, length, r) for at, length, r in found["leaves"] if at <= addr < at + length), None)
            if leaf is None:
                return 0
            rights &= leaf[2]
            step = leaf[0] + leaf[1] - addr
            addr, size = addr + step, size - step
        return rights

    # --- the guest's first stage, whose pointers are guest addresses: the same on this machine ---

    def first_stage(self, name, root, levels, second):
        key = ("first stage", root, levels, id(second))
        if key in self.entries:
            return
        self.entries[key] = True
        todo, seen = [(root, levels)], set()
        while todo and len(seen) < TABLES_MAX:
            table, level = todo.pop()
            # What the second stage does not have cannot be fetched, so it leads nowhere.
            if (table, level) in seen or self.lookup(second, table, PAGE) & READ == 0:
                continue
            seen.add((table, level))
            for entry in self.memory.words(table, 512) or ():
                if entry & PRESENT and level > 1 and entry & LARGE == 0:
                    todo.append((entry & ADDRESS, level - 1))
        self.first_tables += len(seen)
        if len(seen) == TABLES_MAX:
            self.find(f"{name}: the first stage has no end")

    # --- caches ---

    def check_cached(self, scalable):
        for what, k1, k2, reason, words in self.unit.cached:
            if what == "context" and not reason:
                words = words[:4 if scalable else 2]
                self.check_same(f"context entry of {k1:04x}", self.context_at(k1, scalable), words)
            elif what == "pasid" and not reason:
                self.check_same(f"PASID entry of {k1:04x}, PASID {k2:x}", self.pasid_at(k1, k2), words)
            elif what == "iotlb" and not reason:
                self.check_translation(k2, *words)
            elif what == "first-stage":
                self.check_inside(f"a cached first-stage table of domain {k2 & 0xFFFF}", words[0], PAGE, READ)
            elif what == "interrupt":
                self.check_same(f"interrupt entry {k1:x}", (self.unit.interrupts & ADDRESS) + 16 * k1, words)
            elif what == "second-stage" and not (self.pool.has(words[0]) and self.pool.is_taken(words[0])):
                self.find(f"stale: a cached second-stage table at {words[0]:x}, in a page that is not in use")

    def word(self, at):
        return (self.memory.words(at, 1) or (0,))[0]

    def context_at(self, sid, scalable):
        """Where the entry of a source-id is, None if there is none."""
        half = sid >> 7 & 1 if scalable else 0
        table = self.word((self.unit.root & ADDRESS) + (sid >> 8) * 16 + half * 8)
        offset = (sid & 0x7F) * 32 if scalable else (sid & 0xFF) * 16
        return (table & ADDRESS) + offset if table & PRESENT else None

    def pasid_at(self, sid, pasid):
        context = self.context_at(sid, True)
        directory = self.word((self.word(context) & ADDRESS) + (pasid >> 6) * 8) if context else 0
        return (directory & ADDRESS) + (pasid & 63) * 64 if directory & PRESENT else None

    def check_same(self, name, at, words):
        if at is None or self.memory.words(at, len(words)) != tuple(words):
            self.find(f"stale: the cached {name}")

    def check_translation(self, key, out, size, kind, can_write, can_read):
        if kind not in KINDS:
            self.find(f"a cached translation of kind {kind}, source-id and PASID {key:x}")
            return
        self.check_inside(f"a cached translation of {KINDS[kind]}, source-id and PASID {key:x}", out, size,
                          (WRITE if can_write else 0) | (READ if can_read else 0))

    def check_inside(self, name, out, size, needs):
        """Some second stage that is in use has all of it; a shadow may give W alone, as a guest's table does."""
        if not any(self.lookup(found, out, size) & needs == needs for found in self.second.values()):
            self.find(f"stale: {name} leads to {out:x}, which is not the partition's any more")


@dataclasses.dataclass
class Result:
    findings: list
    summary: str
    lost: int           # pages of the pool that nothing points to
    unseen: list = None     # what was broken for a try, and not seen


class Snapshot:
    """`own`: Nestor's memory; `protected`: [(base, size)] that no DMA may reach."""

    def __init__(self, path, own, elf, protected=(), cpus=1, shadows=False):
        self.memory, self.own, self.symbol, self.cpus = Memory(path), own, pool_symbol(elf), cpus
        self.shadows = shadows
        with open(f"{path}.txt", encoding="ascii") as text:
            self.units = read_units(text.read())
        self.forbidden = [("Nestor's memory", *own)]
        self.forbidden += [(f"unit {u.base:x}'s registers", u.base, u.size) for u in self.units]
        self.forbidden += [("what is protected", *r) for r in protected]

    def walk(self):
        """-> (the pool, a Walk of each unit)"""
        pool = Pool(self.memory, self.own, self.symbol)
        walks = [Walk(self.memory, unit, self.own, pool, self.forbidden, self.cpus, self.shadows)
                 for unit in self.units]
        for w in walks:
            w.run()
            if w.sids != 65536:
                w.find(f"{w.sids} source-ids were walked")
        return pool, walks

    def result(self):
        pool, walks = self.walk()
        findings = [line for w in walks for line in w.findings]
        findings += [] if pool.pages and walks else ["the snapshot has no pool or no unit"]
        lost = len(pool.lost().difference(*(w.interrupt_pages for w in walks)))
        parts = [w.summary() for w in walks]
        parts += [f"{len(pool.taken)} of {pool.pages} pages taken, {lost} pointed to by none"]
        return Result(findings, "; ".join(parts), lost)


def walk(path, own, elf, protected=(), cpus=1, shadows=False):
    snapshot = Snapshot(path, own, elf, protected, cpus, shadows)
    result = snapshot.result()
    snapshot.memory.close()
    return result


def breakages(snapshot):
    """(what is broken, {address: word}, what the walk must say), for the first unit."""
    pool, walks = snapshot.walk()
    places, unit, own = walks[0].places, snapshot.units[0], snapshot.own[0]

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
        yield "an NMI", {entry: word(entry) & ~0xE0 | 4 << 5}, "no ordinary interrupt"
        yield "a foreign CPU", {entry: word(entry) & 0xFFFFFFFB | 0xFE << 32}, "a CPU that is not there"
        remapped = next(k1 for what, k1, _, _, _ in unit.cached if what == "interrupt") * 16
        remapped += unit.interrupts & ADDRESS
        yield "another interrupt entry", {remapped + 8: word(remapped + 8) ^ 1}, "stale: the cached interrupt"
    yield "a page lost", {bits: word(bits) | 1 << free % 64}, None


def unseen(path, own, elf, cpus=1):
    """Breaks one thing after the other; those that the walk does not see, or could not be tried."""
    snapshot = Snapshot(path, own, elf, cpus=cpus)
    before, out, tried = snapshot.result(), [], 0
    for what, changed, said in breakages(snapshot):
        snapshot.memory.changed = changed
        result = snapshot.result()
        snapshot.memory.changed = {}
        tried += 1
        if result.lost <= before.lost if said is None else not any(said in line for line in result.findings):
            out.append(f"{what}: {result.findings[:3]}")
    snapshot.memory.close()
    return out if tried == 12 + 3 * (snapshot.units[0].status >> 25 & 1) else [*out, f"{tried} were tried"]
