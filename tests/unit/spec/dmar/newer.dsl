/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures younger than the compiler's own DMAR format: SATC, SIDP, a type of the future and a scope
 * type of the future. Compiled as generic data under a signature of the same letters, which the build puts in order.
 */
Signature : "RMAD"
Table Length : 00000000
Revision : 01
Checksum : 00
Oem ID : "NESTOR"
Oem Table ID : "NEWER   "
Oem Revision : 00000001
Asl Compiler ID : "INTL"
Asl Compiler Revision : 20200925

Label : Start
UINT8 : 33
UINT8 : 01
UINT16 : 0000
UINT64 : 0000000000000000

/* 48: DRHD */
UINT16 : 0000
UINT16 : 0010
UINT8 : 01
UINT8 : 00
UINT16 : 0000
UINT64 : 00000000FED90000

/* 64: SATC, ATC required, one endpoint */
UINT16 : 0005
UINT16 : 0010
UINT8 : 01
UINT8 : 00
UINT16 : 0000
UINT8 : 01
UINT8 : 08
UINT16 : 0000
UINT8 : 00
UINT8 : 00
UINT8 : 05
UINT8 : 00

/* 80: SIDP, two endpoints with flags */
UINT16 : 0006
UINT16 : 0018
UINT16 : 0000
UINT16 : 0000
UINT8 : 01
UINT8 : 08
UINT16 : 0003
UINT8 : 00
UINT8 : 00
UINT8 : 05
UINT8 : 00
UINT8 : 01
UINT8 : 08
UINT16 : 001C
UINT8 : 00
UINT8 : 80
UINT8 : 06
UINT8 : 01

/* 104: a type of the future */
UINT16 : 0009
UINT16 : 000C
UINT64 : FFFFFFFFFFFFFFFF

/* 116: SATC with a scope type of the future */
UINT16 : 0005
UINT16 : 0010
UINT8 : 00
UINT8 : 00
UINT16 : 0002
UINT8 : 2A
UINT8 : 08
UINT16 : 0000
UINT8 : 00
UINT8 : 00
UINT8 : 05
UINT8 : 00
Label : End
