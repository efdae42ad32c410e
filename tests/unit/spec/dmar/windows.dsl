/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three units of 64 KiB of registers, as on Lunar Lake.
 * The compiler's own DMAR format has no Size, so this is generic data under a signature of the same letters,
 * which the build puts in order.
 */
Signature : "RMAD"
Table Length : 00000000
Revision : 01
Checksum : 00
Oem ID : "NESTOR"
Oem Table ID : "WINDOWS "
Oem Revision : 00000001
Asl Compiler ID : "INTL"
Asl Compiler Revision : 20200925

UINT8 : 25
UINT8 : 01
UINT16 : 0000
UINT64 : 0000000000000000

/* DRHD: flags, size, segment, base */
UINT16 : 0000
UINT16 : 0018
UINT8 : 00
UINT8 : 04
UINT16 : 0000
UINT64 : 00000000FC800000
UINT16 : 0801
UINT16 : 0000
UINT16 : 0000
UINT16 : 0002

/* DRHD: flags, size, segment, base */
UINT16 : 0000
UINT16 : 0018
UINT8 : 00
UINT8 : 04
UINT16 : 0000
UINT64 : 00000000FC810000
UINT16 : 0801
UINT16 : 0000
UINT16 : 0000
UINT16 : 000B

/* DRHD: flags, size, segment, base */
UINT16 : 0000
UINT16 : 0010
UINT8 : 01
UINT8 : 04
UINT16 : 0000
UINT64 : 00000000FC820000
