# SPDX-License-Identifier: BSD-2-Clause
"""The cases of the differential test: table images, registers, DMA (script.h says the language).

cases(set) -> [(name, [lines])] for the capability sets of SETS.
"""
ARENA = 0x08000000
ROOT, CONTEXT_LOW, CONTEXT_HIGH = ARENA, ARENA + 0x1000, ARENA + 0x2000
DIRECTORY, PASIDS, OTHER_ROOT = ARENA + 0x3000, ARENA + 0x4000, ARENA + 0x5000
STAGE = ARENA + 0x10000
DATA = ARENA + 0x200000
WRITER, READER = 0x28, 0xA0
IOVA = 1 << 30 | 2 << 21 | 3 << 12 | 0x40
K4, M2, G1 = 1 << 12, 1 << 21, 1 << 30
PRESENT_AD = 0x67      # first stage: P, R/W, U/S, A, D
DID, OTHER_DID = 5, 9

# Options of intel-iommu, and what a set has.
SETS = {
    "legacy": "",
    "legacy-caching": "caching-mode=on",
    "second": "scalable-mode=on",
    "first": "scalable-mode=on,fsts=on,aw-bits=48",
    "interrupts": "intremap=on,eim=on",
}


class Image(dict):
    """Memory by address; one page for each table, from STAGE on."""

    def __init__(self):
        super().__init__()
        self.pages = STAGE

    def page(self):
        self.pages += 0x1000
        return self.pages - 0x1000

    def walk(self, root, levels, iova, leaf_level, leaf, table):
        """Fills the tables from the root down; returns {level: address of its entry}."""
        at, slots = root, {}
        for level in range(levels, leaf_level - 1, -1):
            slot = at + (iova >> (12 + 9 * (level - 1)) & 511) * 8
            slots[level] = slot
            if level == leaf_level:
                self[slot] = leaf
            else:
                if self.get(slot, 0) == 0:
                    self[slot] = self.page() | table
                at = self[slot] & ~0xFFF
        return slots

    def lines(self):
        return [f"store {addr:x} {value & 0xFFFFFFFFFFFFFFFF:x}" for addr, value in sorted(self.items())]


LEVEL_OF = {K4: 1, M2: 2, G1: 3}


def leaf_address(size, iova):
    """A leaf address with which iova ends up in a data page."""
    return DATA if size == K4 else DATA & ~(size - 1)


def target_iova(size, iova=IOVA):
    """The IOVA that a leaf of this size translates to DATA + 40h."""
    return iova if size == K4 else (iova & ~(size - 1)) + ((DATA + 0x40) & (size - 1))


class Stage:
    """A first or second stage for IOVA, with the words that a set needs above it."""

    def __init__(self, kind, levels=4, size=K4, flags=None, table=None, iova=IOVA):
        self.kind, self.levels = kind, levels
        self.image = Image()
        self.iova = target_iova(size, iova)
        flags = (PRESENT_AD if kind == "first" else 3) if flags is None else flags
        table = (PRESENT_AD & ~0x40 if kind == "first" else 3) if table is None else table
        self.root = self.image.page()
        leaf = leaf_address(size, self.iova) | flags | (0x80 if size != K4 else 0)
        self.slots = self.image.walk(self.root, levels, self.iova, LEVEL_OF[size], leaf, table)

    def map(self, iova, address, flags=None):
        flags = (PRESENT_AD if self.kind == "first" else 3) if flags is None else flags
        table = PRESENT_AD & ~0x40 if self.kind == "first" else 3
        return self.image.walk(self.root, self.levels, iova, 1, address | flags, table)[1]


def legacy_entry(stage, tt=0, did=DID, aw=None):
    return (stage.root if stage else 0) | tt << 2 | 1, (stage.levels - 2 if aw is None else aw) | did << 8


def pasid_entry(stage, pgtt, did=DID, aw=2):
    words = [0] * 8
    words[0] = 1 | aw << 2 | pgtt << 6 | (stage.root if stage and pgtt in (2, 3) else 0)
    words[1] = did
    words[2] = stage.root if stage and pgtt in (1, 3) else 0
    return words


def legacy_tables(image, entry):
    image[ROOT] = CONTEXT_LOW | 1
    for sid in (WRITER, READER):
        image[CONTEXT_LOW + sid * 16], image[CONTEXT_LOW + sid * 16 + 8] = entry
    return ROOT


def context_slot(sid):
    return (CONTEXT_HIGH if sid & 0x80 else CONTEXT_LOW) + (sid & 0x7F) * 32


def scalable_tables(image, words):
    image[ROOT], image[ROOT + 8] = CONTEXT_LOW | 1, CONTEXT_HIGH | 1
    for sid in (WRITER, READER):
        image[context_slot(sid)] = DIRECTORY | 1
    image[DIRECTORY] = PASIDS | 1
    for i, word in enumerate(words):
        image[PASIDS + i * 8] = word
    return ROOT | 0x400


class Builder:
    """The cases of one set, as they are added."""

    def __init__(self, which):
        self.which = which
        self.scalable = which in ("second", "first")
        self.kind = "first" if which == "first" else "second"
        self.out = []

    def install(self, image, stage, **changes):
        """Root, context and PASID tables for the stage; the RTADDR value."""
        if self.scalable:
            pgtt = changes.pop("pgtt", 1 if self.kind == "first" else 2)
            return scalable_tables(image, pasid_entry(stage, pgtt, **changes))
        return legacy_tables(image, legacy_entry(stage, **changes))

    def add(self, name, image, rtaddr, *actions):
        lines = image.lines() + [f"on {rtaddr:x}"] + list(actions)
        self.out.append((f"{self.which}/{name}", lines))

    def access(self, name, stage, rtaddr, iova=None):
        """Adds the case once as a write and once as a read."""
        iova = stage.iova if iova is None else iova
        for verb in ("write", "read"):
            self.add(f"{name}/{verb}", stage.image, rtaddr, f"{verb} {iova:x}")

    # ---- pages and permissions ----

    def pages(self):
        widths = (3, 4) if self.which.startswith("legacy") else (4,)
        for levels in widths:
            for size, label in ((K4, "4k"), (M2, "2m"), (G1, "1g")):
                stage = Stage(self.kind, levels, size)
                self.access(f"page-{label}-levels-{levels}", stage, self.install(
                    stage.image, stage, **({"aw": levels - 2} if not self.scalable else {})))
                for level in range(LEVEL_OF[size], levels + 1):
                    stage = Stage(self.kind, levels, size)
                    stage.image[stage.slots[level]] = 0
                    self.access(f"not-present-{label}-levels-{levels}-at-{level}", stage,
                                self.install(stage.image, stage,
                                             **({"aw": levels - 2} if not self.scalable else {})))

    def permissions(self):
        if self.kind == "second":
            # R and W at each level; a write needs W, a read needs R, at all of them.
            for level in (1, 2, 3, 4):
                for bits, label in ((1, "read-only"), (2, "write-only")):
                    stage = Stage("second")
                    slot = stage.slots[level]
                    stage.image[slot] = stage.image[slot] & ~3 | bits
                    self.access(f"permission-{label}-at-{level}", stage,
                                self.install(stage.image, stage))
            return
        for level in (1, 2, 3, 4):
            for bit, label in ((2, "not-writable"), (4, "supervisor")):
                stage = Stage("first")
                stage.image[stage.slots[level]] &= ~bit
                self.access(f"permission-{label}-at-{level}", stage, self.install(stage.image, stage))

    def reserved_in_pages(self):
        for level in (1, 2, 3, 4):
            bits = [48, 50, 51] + ([7] if level == 4 else [])
            for bit in bits:
                stage = Stage(self.kind)
                stage.image[stage.slots[level]] |= 1 << bit
                self.access(f"reserved-page-bit-{bit}-at-{level}", stage,
                            self.install(stage.image, stage))
        for size, label, bits in ((M2, "2m", (13, 16, 20)), (G1, "1g", (13, 21, 29))):
            for bit in bits:
                stage = Stage(self.kind, 4, size)
                stage.image[stage.slots[LEVEL_OF[size]]] |= 1 << bit
                self.access(f"misaligned-{label}-bit-{bit}", stage, self.install(stage.image, stage))
        for bit in (52, 58, 60) if self.kind == "second" else (9, 11, 52, 58, 62):
            stage = Stage(self.kind)
            stage.image[stage.slots[1]] |= 1 << bit
            self.access(f"ignored-page-bit-{bit}", stage, self.install(stage.image, stage))

    def widths(self):
        for bit in (48, 52, 56, 63):
            stage = Stage(self.kind)
            self.access(f"address-beyond-width-bit-{bit}", stage, self.install(stage.image, stage),
                        stage.iova | 1 << bit)
        if self.which.startswith("legacy"):
            for bit in (39, 47):
                stage = Stage("second", 3)
                self.access(f"address-beyond-39-bits-bit-{bit}", stage,
                            self.install(stage.image, stage, aw=1), stage.iova | 1 << bit)

    def edges(self):
        """The first and last bytes of the page; its neighbours on both sides are not mapped."""
        for offset in (0, 0xFF8):
            stage = Stage(self.kind)
            self.access(f"offset-{offset:x}", stage, self.install(stage.image, stage),
                        (stage.iova & ~0xFFF) + offset)
        for delta, label in ((0x1000, "above"), (-0x1000, "below")):
            stage = Stage(self.kind)
            self.access(f"neighbour-{label}", stage, self.install(stage.image, stage),
                        (stage.iova & ~0xFFF) + delta + 0x40)
        for index in (0, 511):
            iova = index << 30 | index << 21 | index << 12 | 0x40
            stage = Stage(self.kind, iova=iova)
            self.access(f"table-index-{index}", stage, self.install(stage.image, stage))

    # ---- root, context, PASID ----

    def roots(self):
        def case(name, change):
            stage = Stage(self.kind)
            rtaddr = self.install(stage.image, stage)
            change(stage.image)
            self.access(name, stage, rtaddr)

        def put(addr, value):
            return lambda image: image.__setitem__(addr, value)

        def flip(addr, bit):
            return lambda image: image.__setitem__(addr, image.get(addr, 0) ^ 1 << bit)

        case("root-not-present", lambda i: (i.__setitem__(ROOT, 0), i.__setitem__(ROOT + 8, 0)))
        for bit in (1, 6, 11, 50):
            case(f"root-reserved-bit-{bit}",
                 lambda i, b=bit: (flip(ROOT, b)(i), self.scalable and flip(ROOT + 8, b)(i)))
        slots = [context_slot(s) for s in (WRITER, READER)] if self.scalable else \
            [CONTEXT_LOW + s * 16 for s in (WRITER, READER)]

        def all_slots(offset, change):
            return lambda i: [change(i, s + offset) for s in slots]

        case("context-not-present", all_slots(0, lambda i, a: i.__setitem__(a, i[a] & ~1)))
        case("context-fpd", all_slots(0, lambda i, a: i.__setitem__(a, i[a] & ~1 | 2)))
        reserved = [(0, b) for b in ((7, 8, 50) if self.scalable else (4, 6, 11, 50))]
        reserved += [(8, 24 if not self.scalable else 21), (8, 63)] + ([(16, 0), (24, 63)] if self.scalable else [])
        for offset, bit in reserved:
            case(f"context-reserved-{offset * 8 + bit}",
                 all_slots(offset, lambda i, a, b=bit: flip(a, b)(i)))
        if not self.scalable:
            for aw in (0, 1, 3, 4, 5, 6, 7):
                case(f"context-aw-{aw}", all_slots(8, lambda i, a, w=aw: i.__setitem__(a, i.get(a, 0) & ~7 | w)))
            for tt in (1, 2, 3):
                case(f"context-tt-{tt}", all_slots(0, lambda i, a, t=tt: i.__setitem__(a, i[a] & ~12 | t << 2)))
            for bit in (3, 4, 5, 6):
                case(f"context-ignored-{64 + bit}", all_slots(8, lambda i, a, b=bit: flip(a, b)(i)))
            return
        case("directory-not-present", put(DIRECTORY, PASIDS))
        case("directory-fpd", put(DIRECTORY, PASIDS | 2))
        for bit in (2, 6, 11, 50):
            case(f"directory-reserved-{bit}", flip(DIRECTORY, bit))
        case("entry-not-present", lambda i: i.__setitem__(PASIDS, i[PASIDS] & ~1))
        case("entry-fpd-not-present", lambda i: i.__setitem__(PASIDS, i[PASIDS] & ~1 | 2))
        for pgtt in (0, 5, 6, 7):
            case(f"entry-pgtt-{pgtt}", lambda i, p=pgtt: i.__setitem__(PASIDS, i[PASIDS] & ~(7 << 6) | p << 6))
        for pgtt, label in ((1, "first"), (2, "second"), (3, "nested")):
            if label != self.kind:
                case(f"entry-pgtt-{label}-without-capability",
                     lambda i, p=pgtt: i.__setitem__(PASIDS, i[PASIDS] & ~(7 << 6) | p << 6))
        if self.kind == "second":
            for aw in (0, 3, 4, 7):
                case(f"entry-aw-{aw}", lambda i, w=aw: i.__setitem__(PASIDS, i[PASIDS] & ~28 | w << 2))
        for word, bit in ((0, 5), (0, 10), (0, 11), (0, 50), (1, 16), (1, 22), (1, 27), (1, 31), (2, 1),
                          (2, 8), (2, 11), (3, 0), (3, 63), (4, 5), (6, 0), (7, 63)):
            case(f"entry-reserved-{word * 64 + bit}", flip(PASIDS + word * 8, bit))
        for bit in (5, 6):
            case(f"entry-ignored-{128 + bit}", flip(PASIDS + 16, bit))
        case("entry-fpd", lambda i: (i.__setitem__(PASIDS, i[PASIDS] | 2), i.__setitem__(PASIDS, i[PASIDS])))

    def pass_through(self):
        stage = Stage(self.kind)
        rtaddr = self.install(stage.image, stage, **({"pgtt": 4} if self.scalable else {"tt": 2}))
        self.access("pass-through", stage, rtaddr, DATA + 0x40)
        self.access("pass-through-far", stage, rtaddr, DATA + 0x1040)

    # ---- what is cached, and what each invalidation removes ----

    def desc(self, kind, did=DID, address=0, order=0, sid=WRITER):
        page = (address & ~0xFFF) | order
        return {
            "iotlb-global": (0xD2, 0), "iotlb-domain": (0xE2 | did << 16, 0),
            "iotlb-page": (0xF2 | did << 16, page),
            "context-global": (0x11, 0), "context-domain": (0x21 | did << 16, 0),
            "context-device": (0x31 | did << 16 | sid << 32, 0),
            "pasid-domain": (0x07 | did << 16, 0), "pasid-one": (0x17 | did << 16, 0),
            "pasid-global": (0x37, 0),
            "piotlb-pasid": (0x26 | did << 16, 0), "piotlb-page": (0x36 | did << 16, page),
        }[kind]

    def stale(self):
        """The leaf changes behind the cache: the old page is reached until an invalidation covers it."""
        iova = IOVA
        kinds = [("nothing", None)]
        kinds += [(k, self.desc(k, address=iova)) for k in ("iotlb-global", "iotlb-domain", "iotlb-page")]
        kinds += [("iotlb-domain-other", self.desc("iotlb-domain", OTHER_DID)),
                  ("iotlb-page-other-domain", self.desc("iotlb-page", OTHER_DID, iova)),
                  ("iotlb-page-other-page", self.desc("iotlb-page", address=iova + 0x5000)),
                  ("iotlb-page-order-9", self.desc("iotlb-page", address=iova & ~(M2 - 1), order=9)),
                  ("context-global", self.desc("context-global"))]
        if self.scalable:
            kinds += [(k, self.desc(k, address=iova)) for k in ("pasid-domain", "pasid-one", "piotlb-pasid")]
            kinds += [("piotlb-pasid-other", self.desc("piotlb-pasid", OTHER_DID)),
                      ("piotlb-page", self.desc("piotlb-page", address=iova)),
                      ("piotlb-page-other-page", self.desc("piotlb-page", address=iova + 0x5000))]
        for change, value in (("moved", DATA + 0x1000), ("cleared", 0)):
            for label, desc in kinds:
                stage = Stage(self.kind)
                rtaddr = self.install(stage.image, stage)
                flags = (PRESENT_AD if self.kind == "first" else 3) if value else 0
                actions = [f"write {iova:x}", f"store {stage.slots[1]:x} {value | flags:x}"]
                actions += [f"inv {desc[0]:x} {desc[1]:x}"] if desc else []
                self.add(f"stale-{change}/{label}", stage.image, rtaddr, *actions, f"write {iova:x}")

    def stale_above(self):
        """The device's entry points to other tables, which matters only after the right invalidations."""
        sequences = {
            "nothing": (), "context": ("context-device",), "iotlb": ("iotlb-domain",),
            "context-iotlb": ("context-device", "iotlb-domain"),
            "global": ("context-global", "iotlb-global"),
        }
        if self.scalable:
            sequences.update({"pasid": ("pasid-one",), "pasid-iotlb": ("pasid-one", "iotlb-domain"),
                              "pasid-piotlb": ("pasid-one", "piotlb-pasid"),
                              "global": ("context-global", "pasid-global", "iotlb-global")})
        for label, kinds in sequences.items():
            stage = Stage(self.kind)
            rtaddr = self.install(stage.image, stage)
            other = Stage(self.kind)
            other.image.pages = stage.image.pages
            other = self.second_tree(stage)
            if self.scalable:
                word = pasid_entry(other, 1 if self.kind == "first" else 2)
                index = 2 if self.kind == "first" else 0
                change = f"store {PASIDS + index * 8:x} {word[index]:x}"
            else:
                change = f"store {CONTEXT_LOW + WRITER * 16:x} {legacy_entry(other)[0]:x}"
            actions = [f"write {stage.iova:x}", change]
            actions += ["inv {:x} {:x}".format(*self.desc(k)) for k in kinds]
            self.add(f"stale-entry/{label}", stage.image, rtaddr, *actions, f"write {stage.iova:x}")

    def second_tree(self, stage):
        """Another tree in the same image that leads to the next data page."""
        other = Stage.__new__(Stage)
        other.kind, other.levels, other.image, other.iova = stage.kind, 4, stage.image, stage.iova
        other.root = stage.image.page()
        other.slots = {1: other.map(stage.iova, DATA + 0x1000)}
        return other

    def other_roots(self):
        for label in ("root", "off-on"):
            stage = Stage(self.kind)
            rtaddr = self.install(stage.image, stage)
            actions = [f"write {stage.iova:x}", f"store {stage.slots[1]:x} 0"]
            actions += [f"root {rtaddr:x}"] if label == "root" else ["off", f"on {rtaddr:x}"]
            self.add(f"stale-{label}", stage.image, rtaddr, *actions, f"write {stage.iova:x}")

    def appears(self):
        """Not present, then present: with and without an invalidation."""
        for label, kinds in (("nothing", ()), ("iotlb", ("iotlb-page",)), ("global", ("iotlb-global",))):
            stage = Stage(self.kind)
            leaf = stage.image[stage.slots[1]]
            stage.image[stage.slots[1]] = 0
            rtaddr = self.install(stage.image, stage)
            actions = [f"write {IOVA:x}", f"store {stage.slots[1]:x} {leaf:x}"]
            actions += ["inv {:x} {:x}".format(*self.desc(k, address=IOVA)) for k in kinds]
            self.add(f"appears/{label}", stage.image, rtaddr, *actions, f"write {IOVA:x}")

    def queue(self):
        """Good and bad descriptors."""
        stage = Stage(self.kind)
        rtaddr = self.install(stage.image, stage)
        words = {
            "type-0": (0, 0), "type-b": (0xB, 0), "type-e": (0xE, 0),
            "context-granularity-0": (0x01, 0), "context-global": (0x11, 0), "context-domain": (0x21 | DID << 16, 0),
            "context-device": (0x31 | WRITER << 32, 0),
            "iotlb-granularity-0": (0x02, 0), "iotlb-global": (0x12, 0), "iotlb-domain": (0x22 | DID << 16, 0),
            "iotlb-page": (0x32 | DID << 16, 0x1000), "iotlb-page-order-18": (0x32 | DID << 16, 18),
            "iotlb-page-order-19": (0x32 | DID << 16, 19),
            "iotlb-reserved-8": (0x112, 0), "iotlb-reserved-high": (0x12, 0x80),
            "context-reserved": (0x11 | 1 << 50, 0), "iec-global": (0x04, 0), "iec-index": (0x14, 0),
            "iec-reserved": (0x04 | 1 << 5, 0),
            "page-group-response": (0x09, 0),
        }
        if self.scalable:
            words.update({
                "pasid-domain": (0x07 | DID << 16, 0), "pasid-one": (0x17 | DID << 16, 0),
                "pasid-granularity-2": (0x27, 0), "pasid-global": (0x37, 0), "pasid-reserved": (0x37 | 1 << 6, 0),
                "piotlb-granularity-0": (0x06, 0), "piotlb-granularity-1": (0x16, 0),
                "piotlb-pasid": (0x26 | DID << 16, 0), "piotlb-page": (0x36 | DID << 16, 0x1000),
                "piotlb-reserved": (0x26 | 1 << 6, 0),
            })
        for label, (w0, w1) in words.items():
            self.add(f"descriptor/{label}", stage.image, rtaddr, f"inv {w0:x} {w1:x}", f"write {IOVA:x}")

    def accessed_dirty(self):
        if self.kind != "first":
            return
        stage = Stage("first")
        rtaddr = self.install(stage.image, stage)
        # Set in advance, as a unit that does not snoop its walks needs them; they stay set.
        for level in (4, 3, 2, 1):
            self.add(f"accessed-at-{level}", stage.image, rtaddr, f"write {stage.iova:x}",
                     f"load {stage.slots[level]:x} 60")
        for verb in ("write", "read"):
            stage = Stage("first", flags=7, table=7)
            self.add(f"accessed-clear/{verb}", stage.image, self.install(stage.image, stage), f"{verb} {stage.iova:x}")

    def testdev_scenarios(self):
        """The scenarios of QEMU's own iommu-testdev tests, under their names there."""
        names = {"legacy": ("legacy-pt", "legacy-trans"), "legacy-caching": ("legacy-pt", "legacy-trans"),
                 "second": ("scalable-pt", "scalable-slt"), "first": ("scalable-pt", "scalable-flt")}[self.which]
        stage = Stage(self.kind)
        pt = self.install(stage.image, stage, **({"pgtt": 4} if self.scalable else {"tt": 2}))
        self.add(f"qemu-iommu-testdev/{names[0]}", stage.image, pt, f"write {DATA + 0x40:x}")
        stage = Stage(self.kind)
        self.add(f"qemu-iommu-testdev/{names[1]}", stage.image, self.install(stage.image, stage),
                 f"write {stage.iova:x}")


IRT, EIME, OTHER_SID = ARENA + 0x100000, 1 << 11, 0xA1
FPD, POSTED, LOWEST, REMAPPABLE, SHV = 1 << 1, 1 << 15, 1 << 5, 1 << 4, 1 << 3


def interrupt_cases():
    """Interrupt requests of edu: its MSI and, by its pin, the I/O APIC. Each has a vector of its own."""
    out = []

    def entry(low=0, sid=READER, sq=0, svt=1, high=0):
        return lambda vector: (low | vector << 16 | 1, sid | sq << 16 | svt << 18 | high)

    def request(index, shv=0):
        return 0xFEE00000 | (index & 0x7FFF) << 5 | REMAPPABLE | shv | index >> 15 << 2

    def add(name, make, index=0, irta=15, line=None):
        vector = 0x31 + len(out)
        low, high = make(vector) if make else (0, 0)
        at = IRT + index * 16
        lines = [f"store {at:x} {low:x}", f"store {at + 8:x} {high:x}", f"remap {IRT | irta:x}",
                 (line or f"msi {request(index):x} 0").replace("VECTOR", f"{vector:x}")]
        out.append((f"interrupts/{name}", lines))

    add("msi", entry())
    add("msi/high-index", entry(), 4095)
    add("msi/subhandle", entry(), 5, line=f"msi {request(3, SHV):x} 2")
    add("msi/no-subhandle", entry(), 3, line=f"msi {request(3):x} 2")
    add("msi/subhandle-beyond", entry(), 0, 1, line=f"msi {request(3, SHV):x} 2")
    add("msi/beyond", entry(), 7, 1)
    add("msi/last", entry(), 3, 1)
    add("msi/lowest", entry(LOWEST))
    add("msi/edge-for-level", entry(1 << 4))
    add("msi/not-present", None)
    add("msi/not-present-fpd", lambda vector: (FPD, 0))
    for bit in (12, 13, 14, 24, 31, 84, 100, 127):
        for fpd in (0, FPD):
            low, high = (1 << bit, 0) if bit < 64 else (0, 1 << bit - 64)
            add(f"msi/reserved-{bit}{'-fpd' if fpd else ''}", entry(low | fpd, high=high))
    for bit in (32, 48, 63):
        add(f"msi/reserved-{bit}", entry(1 << bit))
    add("msi/reserved-and-other-source", entry(1 << 12, sid=OTHER_SID))
    add("msi/wide-broadcast", entry(0xFFFFFFFF << 32), irta=15 | EIME)
    add("msi/wide", entry(), irta=15 | EIME)
    add("msi/posted", entry(POSTED))
    add("msi/other-source", entry(sid=OTHER_SID))
    add("msi/other-source-fpd", entry(FPD, sid=OTHER_SID))
    for sq in range(4):
        for function in (1, 2, 4, 7):
            add(f"msi/source-{sq}-{function}", entry(sid=READER | function, sq=sq))
    add("msi/any-source", entry(sid=OTHER_SID, svt=0))
    for first, last in ((0, 0), (0, 5), (1, 5), (5, 0)):
        add(f"msi/buses-{first}-{last}", entry(sid=first << 8 | last, svt=2))
    add("msi/svt-reserved", entry(svt=3))
    add("msi/compatibility", None, line="msi fee00000 VECTOR")
    add("pin", entry(svt=0), 6, line=f"pin {1 << 48 | 6 << 49 | 0x20:x}")
    add("pin/other-source", entry(sid=OTHER_SID), 6, line=f"pin {1 << 48 | 6 << 49 | 0x20:x}")
    add("pin/not-present", None, 6, line=f"pin {1 << 48 | 6 << 49 | 0x20:x}")
    add("pin/beyond", entry(svt=0), 6, 1, line=f"pin {1 << 48 | 6 << 49 | 0x20:x}")
    add("pin/compatibility", None, line="pin VECTOR")

    # The entry changes between two requests, and its cached form goes, or does not, by an IEC descriptor.
    for name, word in (("none", None), ("global", 4), ("index", 5 << 32 | 0x14), ("mask", 4 << 32 | 1 << 27 | 0x14),
                       ("other-index", 6 << 32 | 0x14), ("other-mask", 6 << 32 | 1 << 27 | 0x14)):
        add(f"entry-changed/{name}", entry(), 5)
        vector = 0x31 + len(out)
        out[-1][1].extend([f"store {IRT + 5 * 16:x} {entry()(vector + 0x40)[0]:x}"]
                          + ([f"inv {word:x} 0"] if word else []) + [f"msi {request(5):x} 0"])
    for bit in (5, 8, 12, 26, 48, 63, 64, 127):
        out.append((f"interrupts/iec-reserved-{bit}",
                    [f"remap {IRT | 15:x}", f"inv {4 | 1 << bit & (1 << 64) - 1:x} {1 << bit >> 64:x}"]))
    return out


def cases(which):
    if which == "interrupts":
        return interrupt_cases()
    b = Builder(which)
    for part in (b.pages, b.permissions, b.reserved_in_pages, b.widths, b.edges, b.roots, b.pass_through,
                 b.stale, b.stale_above, b.other_roots, b.appears, b.queue, b.accessed_dirty,
                 b.testdev_scenarios):
        part()
    return b.out
