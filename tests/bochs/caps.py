# SPDX-License-Identifier: BSD-2-Clause
"""CAP and ECAP values from field names, VT-d 11.4.2 and 11.4.3 (rev 5.10)."""

# name: (high bit, low bit)
CAP = {
    "ND": (2, 0), "RWBF": (4, 4), "PLMR": (5, 5), "PHMR": (6, 6), "CM": (7, 7), "SAGAW": (12, 8),
    "MGAW": (21, 16), "ZLR": (22, 22), "FRO": (33, 24), "SSLPS": (37, 34), "PSI": (39, 39),
    "NFR": (47, 40), "MAMV": (53, 48), "DWD": (54, 54), "DRD": (55, 55), "FS1GP": (56, 56),
    "PI": (59, 59), "FS5LP": (60, 60), "ECMDS": (61, 61), "ESIRTPS": (62, 62), "ESRTPS": (63, 63),
}
ECAP = {
    "C": (0, 0), "QI": (1, 1), "DT": (2, 2), "IR": (3, 3), "EIM": (4, 4), "PT": (6, 6), "SC": (7, 7),
    "IRO": (17, 8), "MHMV": (23, 20), "NEST": (26, 26), "PRS": (29, 29), "ERS": (30, 30),
    "SRS": (31, 31), "NWFS": (33, 33), "EAFS": (34, 34), "PSS": (39, 35), "PASID": (40, 40),
    "DIT": (41, 41), "PDS": (42, 42), "SMTS": (43, 43), "VCS": (44, 44), "SSADS": (45, 45),
    "SSTS": (46, 46), "FSTS": (47, 47), "SMPWCS": (48, 48), "RPS": (49, 49), "ADMS": (52, 52),
    "RPRIVS": (53, 53),
}

# A server's unit: scalable mode, both stages, nesting; fault records at 400h, IOTLB at 500h.
SERVER_CAP = dict(ND=6, SAGAW=0b0100, MGAW=47, ZLR=1, FRO=0x40, SSLPS=3, PSI=1, NFR=7, MAMV=18,
                  DWD=1, DRD=1, FS1GP=1)
SERVER_ECAP = dict(C=1, QI=1, PT=1, SC=1, IRO=0x50, MHMV=15, NEST=1, SRS=1, PSS=19, PASID=1, SMTS=1,
                   SSTS=1, FSTS=1, SMPWCS=1, RPS=1, EAFS=1)


def value(fields, layout):
    """The register value with these fields; a name or value that does not fit is an error."""
    result = 0
    for name, number in fields.items():
        high, low = layout[name]
        if not 0 <= number < 1 << (high - low + 1):
            raise ValueError(f"{name}={number} does not fit bits {high}:{low}")
        result |= number << low
    return result


def parse(text, base, layout):
    """`base` changed by "NAME=VALUE,..."; the value of the register."""
    fields = dict(base)
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name not in layout:
            raise ValueError(f"no field {name}; there are {', '.join(layout)}")
        fields[name] = int(number or "1", 0)
    return value(fields, layout)
