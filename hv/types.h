/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that every folder speaks: fixed-width integers, the three kinds of address, and the one error enum. The
 * only header of hv/ that iommu/ and drivers/ may include; boot/ may include handover.h, too.
 */
#ifndef NESTOR_HV_TYPES_H
#define NESTOR_HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long s64;

/*
 * In a nested PASID entry FSPTPTR holds a GPA and SSPTPTR an HPA; a swap looks
 * right to every test that runs with an identity map, so it is a type error.
 */
typedef struct { u64 v; } gpa_t;
typedef struct { u64 v; } hpa_t;
typedef struct { u64 v; } iova_t;

#define PAGE_SHIFT 12u
#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)

#define must_use __attribute__((warn_unused_result))
#define not_inlined __attribute__((noinline))
/* In a file that is built for speed: built for size all the same, as nobody waits for it. */
#define seldom __attribute__((cold, noinline))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline u32 least(u32 a, u32 b)
{
    return a < b ? a : b;
}

/* The bits of a value of so many bytes, 1 to 8. */
static inline u64 bits_of_bytes(u32 bytes)
{
    return ~0ull >> (64 - 8 * bytes);
}

/*
 * Everything that can go wrong inside Nestor, with its text. What a *guest* sees
 * is another enum (enum vtd_fault_reason) and never mixes with this one.
 */
#define RESULT_LIST(X)                                                         \
    X(OK, "ok")                                                                \
    X(ERR_NO_MEMORY, "the page pool is exhausted")                             \
    X(ERR_TIMEOUT, "hardware did not answer in time")                          \
    X(ERR_UNSUPPORTED, "the hardware lacks this capability")                   \
    X(ERR_INVALID, "argument out of range")                                    \
    X(ERR_EXISTS, "already present")                                           \
    X(ERR_NOT_FOUND, "not present")                                            \
    X(ERR_BUSY, "still in use")                                                \
    X(ERR_NO_DOMAIN_ID, "no domain id left on this unit")                      \
    X(ERR_DID_CONFLICT, "one PASID under one domain id would meet two tables") \
    X(ERR_FIRST_STAGE_CONFLICT,                                                \
      "one first-stage table would have two widths or two settings of EAFE")   \
    X(ERR_READ_ONLY_IN_PARENT,                                                 \
      "a nesting parent must not hold a read-only mapping (Intel 772415)")     \
    X(ERR_PARENT_HAS_READ_ONLY,                                                \
      "a domain with a read-only mapping cannot become a nesting parent (Intel 772415)") \
    X(ERR_NOT_A_PARENT, "the domain is not a nesting parent")                  \
    X(ERR_QUEUE, "the invalidation queue stopped with an error")               \
    X(ERR_GUEST_MEMORY, "not ordinary memory of the partition")                \
    X(ERR_MALFORMED, "malformed table")                                        \
    X(ERR_QUOTA, "over the partition's quota")

#define RESULT_ENUM(name, text) name,
enum result { RESULT_LIST(RESULT_ENUM) RESULT_COUNT };
#undef RESULT_ENUM

static inline const char *result_text(enum result r)
{
#define RESULT_CASE(name, text) [name] = text,
    static const char *const texts[] = {RESULT_LIST(RESULT_CASE)};
#undef RESULT_CASE
    return (unsigned)r < RESULT_COUNT ? texts[r] : "unknown result";
}

#endif
