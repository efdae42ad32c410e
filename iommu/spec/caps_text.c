/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CAP and ECAP for a person: names as printed in VT-d 11.4.2 and 11.4.3, values
 * decoded. Where the text goes is the caller's business.
 */
#include "iommu/spec/caps.h"

struct text {
    char *to;
    size_t used;
};

static void put(struct text *t, const char *s)
{
    while (*s != '\0' && t->used + 1 < VTD_CAPS_TEXT) {
        t->to[t->used++] = *s++;
    }
    t->to[t->used] = '\0';
}

static void put_number(struct text *t, u64 value, u32 base)
{
    char digits[24];
    u32 at = sizeof(digits);
    digits[--at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put(t, base == 16 ? "0x" : "");
    put(t, &digits[at]);
}

/* "39,48": the names of the bits that are set, from bit 0 up. */
static void put_set(struct text *t, u64 bits, const char *const *names, u32 count)
{
    const char *separator = "";
    for (u32 i = 0; i < count; i++) {
        if ((bits >> i & 1) != 0) {
            put(t, separator);
            put(t, names[i]);
            separator = ",";
        }
    }
}

static void put_cap_value(struct text *t, enum vtd_cap_field field, u64 cap)
{
    static const char *const widths[] = {"reserved", "39", "48", "57", "reserved"};
    static const char *const pages[] = {"2M", "1G", "reserved", "reserved"};
    u64 value = vtd_cap_get(cap, field);
    switch (field) {
    case VTD_CAP_ND:
        put_number(t, vtd_cap_domain_ids(cap), 10);
        break;
    case VTD_CAP_SAGAW:
        put_set(t, value, widths, ARRAY_LEN(widths));
        break;
    case VTD_CAP_SSLPS:
        put_set(t, value, pages, ARRAY_LEN(pages));
        break;
    case VTD_CAP_MGAW:
        put_number(t, vtd_cap_mgaw(cap), 10);
        break;
    case VTD_CAP_FRO:
        put_number(t, vtd_cap_fault_offset(cap), 16);
        break;
    case VTD_CAP_NFR:
        put_number(t, vtd_cap_fault_records(cap), 10);
        break;
    default:
        put_number(t, value, 10);
    }
}

static void put_ecap_value(struct text *t, enum vtd_ecap_field field, u64 ecap)
{
    switch (field) {
    case VTD_ECAP_IRO:
        put_number(t, vtd_ecap_iotlb_offset(ecap), 16);
        break;
    case VTD_ECAP_PSS:
        put_number(t, vtd_ecap_get(ecap, field) + 1, 10);
        break;
    default:
        put_number(t, vtd_ecap_get(ecap, field), 10);
    }
}

/* Fields whose zero says something: a count or a width with a bias. */
static bool zero_counts(enum vtd_cap_field field)
{
    return field == VTD_CAP_ND || field == VTD_CAP_MGAW || field == VTD_CAP_NFR;
}

static bool put_name(struct text *t, const char *name, int field)
{
    put(t, t->used == 0 ? "" : " ");
    put(t, name);
    bool is_flag = field_hi(field) == field_lo(field);
    put(t, is_flag ? "" : "=");
    return is_flag;
}

void vtd_cap_text(u64 cap, char text[VTD_CAPS_TEXT])
{
#define ROW(name, hi, lo) {#name, VTD_CAP_##name},
    static const struct { const char *name; enum vtd_cap_field field; } rows[] = {
        VTD_CAP_FIELDS(ROW)};
#undef ROW
    struct text t = {text, 0};
    put(&t, "");
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        if ((vtd_cap_get(cap, rows[i].field) != 0 || zero_counts(rows[i].field)) &&
            !put_name(&t, rows[i].name, (int)rows[i].field)) {
            put_cap_value(&t, rows[i].field, cap);
        }
    }
}

void vtd_ecap_text(u64 ecap, char text[VTD_CAPS_TEXT])
{
#define ROW(name, hi, lo) {#name, VTD_ECAP_##name},
    static const struct { const char *name; enum vtd_ecap_field field; } rows[] = {
        VTD_ECAP_FIELDS(ROW)};
#undef ROW
    struct text t = {text, 0};
    put(&t, "");
    for (u32 i = 0; i < ARRAY_LEN(rows); i++) {
        if (vtd_ecap_get(ecap, rows[i].field) != 0 &&
            !put_name(&t, rows[i].name, (int)rows[i].field)) {
            put_ecap_value(&t, rows[i].field, ecap);
        }
    }
}
