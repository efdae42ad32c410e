# SPDX-License-Identifier: BSD-2-Clause
"""A walk over everything that the units of a running machine could reach, from a snapshot of its memory.

attach/snapshot.c writes memory, the units' registers and what they have cached. From there on this is VT-d 3.4, 9.1 to
9.9 read once more, sharing nothing with the driver: for each of the 65,536 source-ids of each unit, and each PASID that
has an entry, what the tables lead to; and, where interrupts are remapped, each entry of the table. A finding is a line;
there should be none:

- a request that skips the second stage, or an entry that lets a device's own TLB or page requests in;
- a byte outside the partition that has the source-id (owners.py): Nestor's memory, a unit's registers, what the
  configuration protects; with several partitions, what is another's, in each root table that the unit has had;
- a page that can be read and not written under a nested entry, at any level (Intel 772415);
- an interrupt that is no ordinary one of a device, or for a CPU that is not its partition's;
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

from owners import of_machine, of_sid
import walk_ept

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
    roots: list = dataclasses.field(default_factory=list)    # all that it has had
    cached: list = dataclasses.field(default_factory=list)   # (what, key, key, reason, words)


def read_units(text):
    """-> (units, the attachment's functions: {source-id: (base, size) of the BAR})"""
    units, functions = [], {}
    for line in text.splitlines():
        what, *numbers = line.split()
        numbers = [int(n, 16) for n in numbers]
        if what == "unit":
            units.append(Unit(*numbers))
        elif what == "registers":
            u = units[-1]
            u.cap, u.ecap, u.status, u.root, u.queue, u.interrupts = numbers
        elif what == "roots":
            units[-1].roots = numbers
        elif what == "function":
            functions[numbers[0]] = tuple(numbers[1:])
        else:
            units[-1].cached.append((what, *numbers[:3], numbers[3:]))
    return units, functions


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
    def __init__(self, memory, unit, own, pool, owners):
        self.memory, self.unit, self.own, self.pool, self.owners = memory, unit, own, pool, owners
        self.owner = owners[0]          # whose source-id is looked at
        self.roots = [unit.root]        # the one in use comes last
        if len(owners) > 1:
            self.roots = [r for r in unit.roots if own[0] <= r < own[0] + own[1] and r != unit.root] + self.roots
        self.interrupts, self.interrupt_pages = 0, set()
        self.findings, self.kinds = [], {}
        self.roles = {}                 # page: what kind of table it is
        self.second = {}                # (owner's name, root, levels): what it leads to
        self.entries = {}               # owner and words of an entry that was walked
        self.nested, self.leaves, self.sids, self.first_tables = 0, 0, 0, 0
        self.given = None               # by source-id, what the functions of partitions go through
        self.ids = set()                # domains
        # By the owner's name: where the leaf of an address is, and "link": an entry that points to a table. And where
        # things of source-ids are, by what they are.
        self.places = {o.name: {} for o in owners}

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
        given = ", ".join(f"{sid} {kind}" for sid, kind in (self.given or {}).items())
        roots = f"{len(self.roots)} root tables, each with {given}, {len(self.ids)} domains, " if given else ""
        return (f"unit {self.unit.base:x}: {roots}{kinds}, {self.nested} nested entries, {self.leaves} leaves, "
                f"{self.first_tables} first-stage tables, {self.interrupts} interrupt entries, "
                f"{len(self.unit.cached)} cached")

    def run(self):
        if self.unit.status >> 31 & 1 == 0:
            self.find("translation is off")
            return
        if not self.own[0] <= self.unit.queue & ADDRESS < self.own[0] + self.own[1]:
            self.find("the invalidation queue is not in Nestor's memory")
        for root in self.roots:
            self.root_table(root)
        if self.unit.status >> 25 & 1:
            self.interrupt_table()
        elif len(self.owners) > 1:
            self.find("interrupts are not remapped")
        self.check_cached(self.unit.root >> 10 & 3 == 1)

    def root_table(self, pointer):
        mode = pointer >> 10 & 3
        self.sids, self.kinds, before, self.given = 0, {}, self.given, {}
        if mode > 1:
            self.find(f"translation mode {mode}")
            return
        root = self.table(pointer & ADDRESS, "a root table")
        for bus in range(256):
            for half in range(2):
                self.context_table(bus, half, root[2 * bus + half], mode == 1)
        if self.sids != 65536:
            self.find(f"{self.sids} source-ids were walked")
        if before not in (None, self.given):
            self.find(f"the root tables differ in what functions of partitions go through: {before}, {self.given}")

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
                    owner = self.interrupt((at - base) // 16 + i // 2, words[i], words[i + 1])
                    self.places[owner.name].setdefault("interrupt", at + 8 * i)

    def interrupt(self, index, low, high):
        name, mode = f"interrupt entry {index:x} ({high:x} {low:x})", low >> 5 & 7
        if mode > 1 or low >> 15 & 1 or low >> 16 & 0xFF < 16:
            self.find(f"{name} is no ordinary interrupt")
        if low & 0xFF007000 or high >> 20 or high >> 18 & 3 == 3:
            self.find(f"{name}: reserved bits")
        owner = self.owner_of_interrupt(name, high)
        if owner.sids is not None and low >> 4 & 1:
            self.find(f"{name} of {owner.name} is one by level")
        if not self.has_cpus(low >> 32, low >> 2 & 1, owner):
            self.find(f"{name}: for a CPU that is not there, or not {owner.name}'s")
        return owner

    def owner_of_interrupt(self, name, high):
        """Of the source-ids that VT-d 9.9, SVT and SQ, let in; whose they are has to be one partition."""
        sid, qualifier, check = high & 0xFFFF, high >> 16 & 3, high >> 18 & 3
        ignored = (0, 4, 6, 7)[qualifier]
        admitted = (range(65536) if check == 0 else range(sid & 0xFF00, (sid & 0xFF) + 1 << 8) if check == 2 else
                    (s for s in range(sid & ~7, (sid | 7) + 1) if (s ^ sid) & ~ignored == 0))
        if len(self.owners) == 1:
            return self.owners[0]
        found = {of_sid(self.owners, s).name for s in admitted}
        if len(found) != 1:
            self.find(f"{name} may be used by {', '.join(sorted(found)) or 'nobody'}")
        owner = of_sid(self.owners, sid)
        if owner.sids is not None and (check, qualifier) != (1, 0):
            self.find(f"{name} of {owner.name} is not for one source-id")
        return owner

    def has_cpus(self, destination, logical, owner):
        alone = len(self.owners) == 1
        if self.unit.interrupts >> 11 & 1 == 0:
            return alone and (logical or destination >> 8 & 0xFF == 0xFF or destination >> 8 & 0xFF in owner.cpus)
        if destination == 0xFFFFFFFF or not logical:
            return alone if destination == 0xFFFFFFFF else destination in owner.cpus
        mask, first = destination & 0xFFFF, (destination >> 16) * 16
        return mask != 0 and all(first + i in owner.cpus for i in range(16) if mask >> i & 1)

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
        self.owner, kind = of_sid(self.owners, sid), "blocked"
        if words[0] & PRESENT:
            key = (self.owner.name, words)
            if key not in self.entries:
                self.entries[key] = self.scalable(sid, words) if scalable else self.legacy(sid, words)
            kind = self.entries[key]
        self.count(kind)
        if self.owner.sids is not None:
            self.given[f"{sid:x}"] = kind

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
        self.ids.add(entry[1] & 0xFFFF)
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
        key = (self.owner.name, root, levels)
        if key not in self.second:
            self.second[key] = {"leaves": [], "read-only": []}
            self.second_table(root, levels, 0, READ | WRITE, self.second[key])
        found = self.second[key]
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
                self.places[self.owner.name].setdefault("link", table + 8 * i)
                if here != rights:
                    found["read-only"].append(at)
                self.second_table(entry & ADDRESS, level - 1, at, here, found)
            else:
                self.places[self.owner.name][at] = table + 8 * i
                self.leaf(at, entry & ADDRESS & ~(span - 1), span, here, found)

    def leaf(self, at, out, size, rights, found):
        self.leaves += 1
        if rights != READ | WRITE:
            found["read-only"].append(at)
        found["leaves"].append((at, out, size, rights))
        for text in self.owner.refuses(at, out, size):
            self.find(f"DMA of {self.owner.name}: {text}")

    @staticmethod
    def lookup(found, addr, size):
        """The rights that hold for all of it; 0 if something of it is not there."""
        rights = READ | WRITE
        while size > 0:
            leaf = next(((at, n, r) for _, at, n, r in found["leaves"] if at <= addr < at + n), None)
            if leaf is None:
                return 0
            rights &= leaf[2]
            step = leaf[0] + leaf[1] - addr
            addr, size = addr + step, size - step
        return rights

    @staticmethod
    def translate(found, addr):
        """Where a page that can be read is; None: nowhere."""
        return next((out + addr - at for at, out, n, r in found["leaves"] if at <= addr < at + n and r & READ), None)

    # --- the guest's first stage, whose pointers are guest addresses ---

    def first_stage(self, name, root, levels, second):
        key = ("first stage", root, levels, id(second))
        if key in self.entries:
            return
        self.entries[key] = True
        todo, seen = [(root, levels)], set()
        while todo and len(seen) < TABLES_MAX:
            table, level = todo.pop()
            # What the second stage does not have cannot be fetched, so it leads nowhere.
            place = None if (table, level) in seen else self.translate(second, table)
            if place is None:
                continue
            seen.add((table, level))
            for entry in self.memory.words(place, 512) or ():
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
                self.check_inside(f"a cached first-stage table of domain {k2 & 0xFFFF}", words[0], PAGE, READ, None)
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
                          (WRITE if can_write else 0) | (READ if can_read else 0),
                          of_sid(self.owners, key & 0xFFFF).name)

    def check_inside(self, name, out, size, needs, owner):
        """
        Some second stage of the owner's (None: of any) that is in use has all of it; a shadow may give W alone, as a
        guest's table does.
        """
        if not any(self.lookup(found, out, size) & needs == needs for key, found in self.second.items()
                   if owner in (None, key[0])):
            self.find(f"stale: {name} leads to {out:x}, which is not the partition's any more")


@dataclasses.dataclass
class Result:
    findings: list
    summary: str
    lost: int           # pages of the pool that nothing points to
    tried: int = 0          # how many things were broken for a try,
    unseen: list = None     # and which of them were not seen


class Snapshot:
    """`own`: Nestor's memory; `machine`: what its owners are made of."""

    def __init__(self, path, own, elf, machine):
        self.memory, self.own, self.symbol = Memory(path), own, pool_symbol(elf)
        with open(f"{path}.txt", encoding="ascii") as text:
            self.units, functions = read_units(text.read())
        taken = [("Nestor's memory", *own)] + [(f"unit {u.base:x}'s registers", u.base, u.size) for u in self.units]
        self.owners = of_machine(machine, taken, functions)

    def walk(self):
        """-> (the pool, a Walk of each unit, what CPUs reach)"""
        pool = Pool(self.memory, self.own, self.symbol)
        walks = [Walk(self.memory, unit, self.own, pool, self.owners) for unit in self.units]
        for w in walks:
            w.run()
        epts = walk_ept.Epts(self.memory, self.own, pool, self.owners)
        if len(self.owners) > 1:
            epts.run()
            for w in walks:
                epts.check_dma(w)
        return pool, walks, epts

    def findings(self, pool, walks, epts):
        found = [line for w in walks for line in w.findings] + epts.findings
        return found if pool.pages and walks else [*found, "the snapshot has no pool or no unit"]

    def result(self):
        pool, walks, epts = self.walk()
        lost = len(pool.lost().difference(*(w.interrupt_pages for w in walks)))
        parts = [w.summary() for w in walks] + epts.summary()
        parts += [f"{len(pool.taken)} of {pool.pages} pages taken, {lost} pointed to by none"]
        return Result(self.findings(pool, walks, epts), "; ".join(parts), lost)


def walk(path, own, elf, machine):
    snapshot = Snapshot(path, own, elf, machine)
    result = snapshot.result()
    snapshot.memory.close()
    return result
