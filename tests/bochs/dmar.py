# SPDX-License-Identifier: BSD-2-Clause
"""The DMAR table of the Bochs machine, compiled by iasl from its own text form."""
import pathlib
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
IOAPIC, PCI_ENDPOINT = 3, 1
IOAPIC_ID = 1


def table(units, haw, directory, flags=0):
    """units: [(base, [source-id, ...])]; the last one gets everything else. flags: bit 0 INTR_REMAP. The bytes."""
    text = HEADER.format(width=haw - 1, flags=flags)
    for i, (base, sids) in enumerate(units):
        last = i == len(units) - 1
        scopes = [(PCI_ENDPOINT, 0, sid) for sid in ([] if last else sids)]
        scopes += [(IOAPIC, IOAPIC_ID, 0xF0F8)] if last else []
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
