/* SPDX-License-Identifier: BSD-2-Clause */
/* See words.h. */
#include "tools/nestorctl/words.h"

#include "drivers/format.h"
#include "iommu/ptab/second_stage.h"
#include "iommu/spec/entries.h"

void words_function(u32 function, char text[16])
{
    (void)format_text(text, 16, "%04x:%02x:%02x.%x", function >> 16, function >> 8 & 0xff, function >> 3 & 31,
                      function & 7);
}

static bool take_hex(const char **text, u32 limit, char behind, u32 *value)
{
    *value = 0;
    u32 digits = 0;
    for (; digits <= 8; digits++, ++*text) {
        char c = **text;
        u32 digit = c >= '0' && c <= '9' ? (u32)(c - '0') : c >= 'a' && c <= 'f' ? (u32)(c - 'a') + 10
                    : c >= 'A' && c <= 'F' ? (u32)(c - 'A') + 10 : 16;
        if (digit == 16) {
            break;
        }
        *value = *value << 4 | digit;
    }
    bool right = digits != 0 && digits <= 8 && *value <= limit && **text == behind;
    *text += right && behind != '\0' ? 1 : 0;
    return right;
}

bool words_parse_function(const char *text, u32 *function)
{
    u32 parts[4] = {0};
    u32 colons = 0;
    for (const char *c = text; *c != '\0'; c++) {
        colons += *c == ':' ? 1 : 0;
    }
    if (colons == 2 && !take_hex(&text, 0xffff, ':', &parts[0])) {
        return false;
    }
    if (colons < 1 || colons > 2 || !take_hex(&text, 0xff, ':', &parts[1]) || !take_hex(&text, 31, '.', &parts[2]) ||
        !take_hex(&text, 7, '\0', &parts[3])) {
        return false;
    }
    *function = parts[0] << 16 | parts[1] << 8 | parts[2] << 3 | parts[3];
    return true;
}

bool words_parse_number(const char *text, u64 *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    u64 base = hex ? 16 : 10;
    text += hex ? 2 : 0;
    *value = 0;
    const char *first = text;
    for (; *text != '\0'; text++) {
        char c = *text;
        u64 digit = c >= '0' && c <= '9' ? (u64)(c - '0') : c >= 'a' && c <= 'f' ? (u64)(c - 'a') + 10
                    : c >= 'A' && c <= 'F' ? (u64)(c - 'A') + 10 : 99;
        if (digit >= base || *value > (~0ull - digit) / base) {
            return false;
        }
        *value = *value * base + digit;
    }
    return text != first;
}

bool words_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool is_legacy(const struct status_device *d)
{
    return d->pasid == 0xffffffff;
}

static const char *second_or_shadow(u64 table, u64 second_stage)
{
    return second_stage != 0 && table << PAGE_SHIFT != second_stage ? "shadowed" : "second-stage";
}

const char *words_device_state(const struct status_device *d, u64 second_stage)
{
    static const char *const types[] = {"unknown", "first-stage", "second-stage", "nested", "pass-through"};
    const struct pasid_entry e = {{d->entry[0], d->entry[1], d->entry[2]}};
    if (d->punishment == 2) {
        return "blocked for a storm of faults";
    }
    if (field_get(d->context, CONTEXT_P) == 0) {
        return "blocked";
    }
    if (is_legacy(d)) {
        return field_get(d->context, LEGACY_CONTEXT_TT) == LEGACY_TT_PASS_THROUGH
                   ? "pass-through" : second_or_shadow(field_get(d->context, LEGACY_CONTEXT_SSPTPTR), second_stage);
    }
    u64 type = pasid_get(&e, PASID_PGTT);
    if (pasid_get(&e, PASID_P) == 0) {
        return "blocked";
    }
    return type == PGTT_SECOND_STAGE ? second_or_shadow(pasid_get(&e, PASID_SSPTPTR), second_stage)
                                     : types[type < ARRAY_LEN(types) ? type : 0];
}

void words_entry(struct out *o, const struct status_device *d)
{
    const struct pasid_entry e = {{d->entry[0], d->entry[1], d->entry[2]}};
    if (d->punishment == 1) {
        out_flag(o, "silenced", true);
    }
    if (field_get(d->context, CONTEXT_P) == 0) {
        return;
    }
    if (is_legacy(d)) {
        out_number(o, "domain_id", field_get(d->context, LEGACY_CONTEXT_DID));
        out_hex(o, "second_stage", field_get(d->context, LEGACY_CONTEXT_SSPTPTR) << PAGE_SHIFT);
        return;
    }
    if (pasid_get(&e, PASID_P) != 0) {
        out_number(o, "domain_id", pasid_get(&e, PASID_DID));
        out_hex(o, "second_stage", pasid_get(&e, PASID_SSPTPTR) << PAGE_SHIFT);
    }
    if (pasid_get(&e, PASID_P) != 0 && pasid_get(&e, PASID_PGTT) == PGTT_NESTED) {
        out_hex(o, "first_stage", pasid_get(&e, PASID_FSPTPTR) << PAGE_SHIFT);
        out_number(o, "first_stage_levels", pasid_get(&e, PASID_FSPM) == FSPM_FIVE_LEVELS ? 5 : 4);
    }
    if (field_get(d->context, CONTEXT_PASIDE) != 0) {
        out_number(o, "pasids", pdts_pasids((u32)field_get(d->context, CONTEXT_PDTS)));
    }
}

const char *words_step(u32 kind)
{
    static const char *const names[] = {"root entry", "context entry", "PASID directory entry", "PASID entry",
                                        "first-stage entry", "second-stage entry"};
    return kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

const char *words_outcome(u32 outcome)
{
    static const char *const names[] = {
        [STATUS_OUTCOME_ADDRESS] = "reaches host memory",
        [STATUS_OUTCOME_BLOCKED] = "blocked: no entry leads on",
        [STATUS_OUTCOME_NOT_YOURS] = "not yours: the source-id or unit is not this partition's",
        [STATUS_OUTCOME_UNREADABLE] = "a first-stage entry is not in the partition's memory",
        [STATUS_OUTCOME_INTERRUPT] = "an interrupt message, no DMA",
        [STATUS_OUTCOME_UNTRANSLATED] = "passes untranslated",
        [STATUS_OUTCOME_SHADOW] = "goes on in the shadow of the guest's own table, which is not shown",
    };
    return outcome < ARRAY_LEN(names) ? names[outcome] : "unknown";
}

struct field_name {
    const char *name;
    int field;
};

#define FIELD_NAME(name, hi, lo) {#name, FIELD(hi, lo)},
static const struct field_name root_fields[] = {ROOT_ENTRY(FIELD_NAME)};
static const struct field_name context_fields[] = {CONTEXT_ENTRY(FIELD_NAME)};
static const struct field_name legacy_fields[] = {LEGACY_CONTEXT_ENTRY(FIELD_NAME)};
static const struct field_name directory_fields[] = {PASID_DIR_ENTRY(FIELD_NAME)};
static const struct field_name pasid_fields[] = {PASID_ENTRY(FIELD_NAME)};
/* VT-d 9.7 and 9.8. */
static const struct field_name first_fields[] = {{"P", FIELD(0, 0)}, {"RW", FIELD(1, 1)}, {"US", FIELD(2, 2)},
                                                 {"A", FIELD(5, 5)}, {"D", FIELD(6, 6)}, {"PS", FIELD(7, 7)},
                                                 {"ADDR", FIELD(51, 12)}};
static const struct field_name second_fields[] = {{"R", FIELD(0, 0)}, {"W", FIELD(1, 1)}, {"X", FIELD(2, 2)},
                                                  {"EMT", FIELD(5, 3)}, {"PS", FIELD(7, 7)}, {"ADDR", FIELD(51, 12)}};
#undef FIELD_NAME

void words_step_fields(const struct status_step_record *step, bool legacy, char *text, size_t size)
{
    static const struct { const struct field_name *fields; u32 count; } kinds[] = {
        [STATUS_STEP_ROOT] = {root_fields, ARRAY_LEN(root_fields)},
        [STATUS_STEP_CONTEXT] = {context_fields, ARRAY_LEN(context_fields)},
        [STATUS_STEP_DIRECTORY] = {directory_fields, ARRAY_LEN(directory_fields)},
        [STATUS_STEP_PASID] = {pasid_fields, ARRAY_LEN(pasid_fields)},
        [STATUS_STEP_FIRST_STAGE] = {first_fields, ARRAY_LEN(first_fields)},
        [STATUS_STEP_SECOND_STAGE] = {second_fields, ARRAY_LEN(second_fields)},
    };
    const struct field_name *fields = step->kind < ARRAY_LEN(kinds) ? kinds[step->kind].fields : NULL;
    u32 count = fields != NULL ? kinds[step->kind].count : 0;
    if (legacy && step->kind == STATUS_STEP_CONTEXT) {
        fields = legacy_fields;
        count = ARRAY_LEN(legacy_fields);
    }
    size_t used = 0;
    text[0] = '\0';
    for (u32 i = 0; i < count && used < size; i++) {
        u64 value = field_get(step->w, fields[i].field);
        if (value != 0) {
            used += format_text(text + used, size - used, "%s%s=%s%llx", used != 0 ? " " : "", fields[i].name,
                                value > 9 ? "0x" : "", value);
        }
    }
    if (used == 0) {
        (void)format_text(text, size, "not present");
    }
}
