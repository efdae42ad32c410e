/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault reasons of a unit and the record that it keeps of a fault, VT-d 5.1.4.1, 7.1.3 and 11.4.7.6
 * (rev 5.10).
 */
#ifndef NESTOR_IOMMU_SPEC_FAULTS_H
#define NESTOR_IOMMU_SPEC_FAULTS_H

#include "iommu/spec/field.h"

/*
 * name, reason, row of table 30 ("-": table 15, which numbers none), qualified (FPD of the entry that
 * was used keeps it from being recorded), what it says to a person.
 */
#define VTD_FAULT_REASONS(X)                                                                                 \
    X(LEGACY_ROOT_NOT_PRESENT,    0x01, "LRT.2",  false, "root entry not present")                           \
    X(LEGACY_CONTEXT_NOT_PRESENT, 0x02, "LCT.2",  true,  "context entry not present")                        \
    X(LEGACY_CONTEXT_INVALID,     0x03, "LCT.4",  true,  "context entry invalid")                            \
    X(LEGACY_ADDRESS_WIDTH,       0x04, "LGN.1",  true,  "address beyond the width")                         \
    X(LEGACY_WRITE,               0x05, "LGN.2",  true,  "write not permitted")                              \
    X(LEGACY_READ,                0x06, "LGN.3",  true,  "read not permitted")                               \
    X(LEGACY_SS_ENTRY_ACCESS,     0x07, "LSS.1",  true,  "second-stage entry cannot be read")                \
    X(LEGACY_ROOT_ACCESS,         0x08, "LRT.1",  false, "root entry cannot be read")                        \
    X(LEGACY_CONTEXT_ACCESS,      0x09, "LCT.1",  false, "context entry cannot be read")                     \
    X(LEGACY_ROOT_RESERVED,       0x0a, "LRT.3",  false, "root entry has reserved bits")                     \
    X(LEGACY_CONTEXT_RESERVED,    0x0b, "LCT.3",  true,  "context entry has reserved bits")                  \
    X(LEGACY_SS_ENTRY_RESERVED,   0x0c, "LSS.2",  true,  "second-stage entry has reserved bits")             \
    X(LEGACY_DEVICE_TLB,          0x0d, "LCT.5",  true,  "translation request not permitted")                \
    X(LEGACY_INTERRUPT_RANGE,     0x0e, "LGN.4",  true,  "output in the interrupt range")                    \
    X(IR_REQUEST_RESERVED,        0x20, "-",      false, "interrupt request has reserved bits")              \
    X(IR_INDEX,                   0x21, "-",      false, "interrupt index beyond the table")                 \
    X(IRTE_NOT_PRESENT,           0x22, "-",      true,  "interrupt entry not present")                      \
    X(IRTE_ACCESS,                0x23, "-",      false, "interrupt table cannot be read")                   \
    X(IRTE_RESERVED,              0x24, "-",      true,  "interrupt entry has reserved bits")                \
    X(IR_COMPATIBILITY,           0x25, "-",      false, "compatibility interrupt blocked")                  \
    X(IR_SOURCE,                  0x26, "-",      true,  "interrupt source refused")                         \
    X(POSTED_ACCESS,              0x27, "-",      true,  "posted-interrupt descriptor cannot be read")       \
    X(POSTED_RESERVED,            0x28, "-",      true,  "posted-interrupt descriptor has reserved bits")    \
    X(IR_MALFORMED,               0x29, "-",      false, "not a valid interrupt request")                    \
    X(IR_EIME_REQUIRED,           0x2a, "-",      false, "interrupt without the extended mode it requires")  \
    X(IR_REQUIRED,                0x2b, "-",      false, "interrupt without the remapping it requires")      \
    X(TTM_INVALID,                0x30, "RTA.1",  false, "table mode invalid")                               \
    X(LEGACY_WITH_PASID,          0x31, "RTA.2",  false, "PASID in legacy mode")                             \
    X(LEGACY_PAGE_REQUEST,        0x32, "RTA.3",  false, "page request in legacy mode")                      \
    X(ABORT_DMA,                  0x33, "RTA.4",  false, "abort-DMA mode")                                   \
    X(EXECUTE_REQUESTED,          0x34, "RTA.5",  false, "execute requested")                                \
    X(ROOT_ACCESS,                0x38, "SRT.1",  false, "root entry cannot be read")                        \
    X(ROOT_NOT_PRESENT,           0x39, "SRT.2",  false, "root entry not present")                           \
    X(ROOT_RESERVED,              0x3a, "SRT.3",  false, "root entry has reserved bits")                     \
    X(CONTEXT_ACCESS,             0x40, "SCT.1",  false, "context entry cannot be read")                     \
    X(CONTEXT_NOT_PRESENT,        0x41, "SCT.2",  true,  "context entry not present")                        \
    X(CONTEXT_RESERVED,           0x42, "SCT.3",  true,  "context entry has reserved bits")                  \
    X(CONTEXT_INVALID,            0x43, "SCT.4",  true,  "context entry invalid")                            \
    X(DEVICE_TLB_NOT_ENABLED,     0x44, "SCT.5",  true,  "device TLB not permitted")                         \
    X(PASID_NOT_ENABLED,          0x45, "SCT.6",  true,  "PASID not permitted")                              \
    X(PASID_OVER_PDTS,            0x46, "SCT.7",  true,  "PASID beyond the directory")                       \
    X(PAGE_REQUEST_NOT_ENABLED,   0x47, "SCT.8",  true,  "page request not permitted")                       \
    X(PASID_IS_RID_PASID,         0x48, "SCT.9",  true,  "PASID is RID_PASID")                               \
    X(TRANSLATED_WITH_PASID,      0x49, "SCT.10", true,  "PASID not permitted in a translated request")      \
    X(PASID_DIR_ACCESS,           0x50, "SPD.1",  false, "PASID directory cannot be read")                   \
    X(PASID_DIR_NOT_PRESENT,      0x51, "SPD.2",  true,  "PASID directory entry not present")                \
    X(PASID_DIR_RESERVED,         0x52, "SPD.3",  true,  "PASID directory entry has reserved bits")          \
    X(PASID_ENTRY_ACCESS,         0x58, "SPT.1",  false, "PASID entry cannot be read")                       \
    X(PASID_ENTRY_NOT_PRESENT,    0x59, "SPT.2",  true,  "PASID entry not present")                          \
    X(PASID_ENTRY_RESERVED,       0x5a, "SPT.3",  true,  "PASID entry has reserved bits")                    \
    X(PASID_ENTRY_INVALID,        0x5b, "SPT.4",  true,  "PASID entry invalid")                              \
    X(EXECUTE_NOT_SUPPORTED,      0x5c, "SPT.5",  true,  "execute not permitted")                            \
    X(SUPERVISOR_NOT_ENABLED,     0x5d, "SPT.6",  true,  "supervisor request not permitted")                 \
    X(HPT_SIZE,                   0x60, "SPT.9",  true,  "address beyond the permission table")              \
    X(FS_ENTRY_ACCESS,            0x70, "SFS.1",  true,  "first-stage entry cannot be read")                 \
    X(FS_ENTRY_NOT_PRESENT,       0x71, "SFS.2",  true,  "first-stage entry not present")                    \
    X(FS_ENTRY_RESERVED,          0x72, "SFS.3",  true,  "first-stage entry has reserved bits")              \
    X(FS_ROOT_ACCESS,             0x73, "SFS.4",  true,  "first-stage root cannot be read")                  \
    X(FS_ADDRESS_WIDTH,           0x74, "SFS.5",  true,  "first-stage entry beyond the width")               \
    X(FS_ROOT_DENIED,             0x75, "SFS.6",  true,  "first-stage root denied by the second stage")      \
    X(FS_TABLE_DENIED,            0x76, "SFS.7",  true,  "first-stage table denied by the second stage")     \
    X(FS_AD_DENIED,               0x77, "SFS.8",  true,  "first-stage A/D update denied by the second stage") \
    X(SS_ENTRY_ACCESS,            0x78, "SSS.1",  true,  "second-stage entry cannot be read")                \
    X(SS_ENTRY_NOT_PRESENT,       0x79, "SSS.2",  true,  "second-stage entry not present")                   \
    X(SS_ENTRY_RESERVED,          0x7a, "SSS.3",  true,  "second-stage entry has reserved bits")             \
    X(SS_ROOT_ACCESS,             0x7b, "SSS.4",  true,  "second-stage root cannot be read")                 \
    X(SS_AD_NOT_SNOOPED,          0x7c, "SSS.5",  true,  "second-stage A/D update without snoop")            \
    X(SS_AD_UPDATE_FAILED,        0x7d, "SSS.6",  true,  "second-stage A/D update failed")                   \
    X(NOT_CANONICAL,              0x80, "SGN.1",  true,  "address not canonical")                            \
    X(USER_REQUEST,               0x81, "SGN.2",  true,  "user request to a supervisor page")                \
    X(HOST_ADDRESS_WIDTH,         0x83, "SGN.4",  true,  "address beyond the host's width")                  \
    X(SS_ADDRESS_WIDTH,           0x84, "SGN.5",  true,  "address beyond the second stage's width")          \
    X(WRITE,                      0x85, "SGN.6",  true,  "write not permitted")                              \
    X(READ,                       0x86, "SGN.7",  true,  "read not permitted")                               \
    X(INTERRUPT_RANGE,            0x87, "SGN.8",  true,  "output in the interrupt range")                    \
    X(PASID_OVER_PSS,             0x89, "SGN.10", true,  "PASID beyond the unit's width")                    \
    X(FS_AD_NOT_SNOOPED,          0x90, "SFS.9",  true,  "first-stage A/D update without snoop")             \
    X(FS_AD_UPDATE_FAILED,        0x91, "SFS.10", true,  "first-stage A/D update failed")                    \
    X(HPT_ENTRY_ACCESS,           0xa0, "HPT.1",  true,  "permission entry cannot be read")                  \
    X(HPT_ENTRY_RESERVED,         0xa1, "HPT.2",  true,  "permission entry has reserved bits")               \
    X(HPT_ROOT_ACCESS,            0xa2, "HPT.3",  true,  "permission table cannot be read")                  \
    X(HPT_NOT_PRESENT,            0xa3, "HPT.4",  true,  "permission entry not present")                     \
    X(HPT_WRITE,                  0xa4, "HPT.5",  true,  "write not permitted by the permission table")      \
    X(HPT_READ,                   0xa5, "HPT.6",  true,  "read not permitted by the permission table")

#define VTD_FAULT_ENUM(name, reason, row, qualified, text) VTD_FAULT_##name = (reason),
enum vtd_fault_reason {
    VTD_FAULT_NONE = 0, /* not a reason: there is no fault */
    VTD_FAULT_REASONS(VTD_FAULT_ENUM)
};
#undef VTD_FAULT_ENUM

/* "reason unknown" for what the list does not have. */
const char *vtd_fault_text(u8 reason);
/* Of an interrupt request, table 15. */
static inline bool vtd_fault_is_interrupt(u8 reason)
{
    return reason >= VTD_FAULT_IR_REQUEST_RESERVED && reason <= VTD_FAULT_IR_REQUIRED;
}
/* False for what the list does not have, too. */
bool vtd_fault_is_qualified(u8 reason);

/*
 * Fault recording register, VT-d 11.4.7.6: FRCD_COUNT in the words of CAP.NFR, at CAP.FRO.
 * T1 and T2 together: 00 write, 01 page request, 10 read, 11 atomic.
 */
#define FAULT_RECORD(X)                                                                     \
    X(FI,       63,  12)                                                                    \
    X(SID,      79,  64) X(T2,       92,  92) X(PRIV,     93,  93) X(EXE,      94,  94)     \
    X(PP,       95,  95) X(FR,      103,  96) X(PV,      123, 104) X(AT,      125, 124)     \
    X(T1,      126, 126) X(F,       127, 127)

#define FAULT_RECORD_ENUM(name, hi, lo) FRCD_##name = FIELD(hi, lo),
enum frcd_field { FAULT_RECORD(FAULT_RECORD_ENUM) };
#undef FAULT_RECORD_ENUM

/* FI of a fault of table 15 with an entry: its index. */
enum frcd_interrupt_field { FRCD_INDEX = FIELD(63, 48) };

struct fault_record { u64 w[2]; };
_Static_assert(sizeof(struct fault_record) == 16, "VT-d 11.4.7.6");

static inline u64 frcd_get(const struct fault_record *r, enum frcd_field f)
{
    return field_get(r->w, (int)f);
}

static inline void frcd_set(struct fault_record *r, enum frcd_field f, u64 value)
{
    field_set(r->w, (int)f, value);
}

#endif
