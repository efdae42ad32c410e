# SPDX-License-Identifier: BSD-2-Clause
"""The DMAR table of the Bochs machine, compiled by iasl from its own text form, and the MCFG table."""
import pathlib
import struct
import subprocess

HEADER = """[0004] Signature : "DMAR"
[0004] Table Length : 00000000
[0001] Revision : 01
[0001] Checksum : 00
[0006] Oem ID : "NESTOR"
[0008] Oem Table ID : "TESTDMAR"
[0004] Oem Revision : 00000001
[0004] Asl Compiler ID : "INTL"
[0004] Asl Compiler Revision : 20200925
[0001] Host Address Width : {width:02X}
[0001] Flags : {flags:02X}
[0010] Reserved : 00 00 00 00 00 00 00 00 00 00
"""
UNIT = """[0002] Subtable Type : 0000
[0002] Length : {length:04X}
[0001] Flags : {flags:02X}
[0001] Reserved : 00
[0002] PCI Segment Number : 0000
[0008] Register Base Address : {base:016X}
"""
SCOPE = """[0001] Device Scope Type : {kind:02X}
[0001] Entry Length : 08
[0002] Reserved : 0000
[0001] Enumeration ID : {id:02X}
[0001] PCI Bus Number : {bus:02X}
[0002] PCI Path : {device:02X},{function:02X}
"""
PCI_ENDPOINT, IOAPIC, HPET = 1, 3, 4
# Source-ids of what is no PCI function.
IOAPIC_SID, HPET_SID = 0xF0F8, 0xF0F9


def table(units, haw, directory, flags=0, cpus=1):
    """units: [(base, [source-id, ...])]; the last one gets everything else. flags: bit 0 INTR_REMAP. MADT's
    id of the I/O APIC is the number of CPUs. The bytes."""
    text = HEADER.format(width=haw - 1, flags=flags)
    for i, (base, sids) in enumerate(units):
        last = i == len(units) - 1
        scopes = [(PCI_ENDPOINT, 0, sid) for sid in ([] if last else sids)]
        scopes += [(IOAPIC, cpus, IOAPIC_SID), (HPET, 0, HPET_SID)] if last else []
        text += UNIT.format(length=16 + 8 * len(scopes), flags=int(last), base=base)
        for kind, number, sid in scopes:
            text += SCOPE.format(kind=kind, id=number, bus=sid >> 8, device=(sid >> 3) & 31,
                                 function=sid & 7)
    source = pathlib.Path(directory) / "dmar.dsl"
    source.write_text(text)
    result = subprocess.run(["iasl", "-p", str(source.with_suffix("")), str(source)],
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(result.stdout + result.stderr)
    return source.with_suffix(".aml").read_bytes()


def mcfg(base):
    """An MCFG table of one window, for bus 0."""
    table = bytearray(struct.pack("<4sIBB6s8sI4sI8xQHBB4x", b"MCFG", 60, 1, 0, b"NESTOR", b"TESTMCFG", 1, b"NEST", 1,
                                  base, 0, 0, 0))
    table[9] = -sum(table) & 0xFF
    return bytes(table)
