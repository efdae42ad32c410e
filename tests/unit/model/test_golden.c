/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole memory images as hex words, worked out by hand from the figures of VT-d chapter 9
 * (and 6.5.2 for descriptors): no macro, no builder, nothing the model could share an
 * error with. Each image maps one address of device 00:02.0 (SID 0010h).
 */
#include "tests/model/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct word {
    uint64_t addr, value;
};

struct golden {
    const char *name;
    unsigned haw;
    uint64_t rtaddr;
    struct word words[36];
    struct model_request request;
    uint64_t hpa;
    enum model_kind kind;
    uint16_t did;
    uint64_t page_size;
    struct word after[8];       /* expected once a write was done */
};

static const struct golden images[] = {
    /*
     * Figures 9-1, 9-3, 9-8. IOVA 8040603123h: PML4 1, PDP 1, PD 3, PT 3.
     * Context 71:64 = AW 2, DID 42h in 87:72.
     */
    {"legacy, 48 bits, 4K", 48, 0x0000000000010000,
     {{0x10000, 0x0000000000011001}, {0x11100, 0x0000000000012001},
      {0x11108, 0x0000000000004202}, {0x12008, 0x0000000000013003},
      {0x13008, 0x0000000000014003}, {0x14018, 0x0000000000015003},
      {0x15018, 0x0000000000abc003}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0xabc123, MODEL_KIND_SECOND_STAGE, 0x42, 0x1000,
     {{0}}},
    /* AW 1: three levels, the table that SSPTPTR names is the PDP table. 2 MiB page. */
    {"legacy, 39 bits, 2M", 48, 0x0000000000010000,
     {{0x10000, 0x0000000000011001}, {0x11100, 0x0000000000012001},
      {0x11108, 0x0000000000000701}, {0x12008, 0x0000000000013003},
      {0x13018, 0x0000000000a00083}},
     {.sid = 0x0010, .addr = 0x40603123}, 0xa03123, MODEL_KIND_SECOND_STAGE, 0x07, 0x200000,
     {{0}}},
    {"legacy, pass-through", 48, 0x0000000000010000,
     {{0x10000, 0x0000000000011001}, {0x11100, 0x0000000000000009},
      {0x11108, 0x0000000000000303}},
     {.sid = 0x0010, .addr = 0x40603123}, 0x40603123, MODEL_KIND_PASS_THROUGH, 3, 0x40000000,
     {{0}}},
    /*
     * Figures 9-2, 9-4, 9-5, 9-6, 9-7. TTM 01b is bit 10 of RTADDR. Devfn 10h: lower
     * context table, entry 200h. PASID entry: PGTT 1 in 8:6, DID 1 in 79:64, PWSNP bit 87,
     * FSPTPTR 191:140, FSPM 0.
     */
    {"first stage, 4 levels, 4K", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000000041},
      {0x13008, 0x0000000000800001}, {0x13010, 0x0000000000014000},
      {0x14008, 0x0000000000015007}, {0x15008, 0x0000000000016007},
      {0x16018, 0x0000000000017007}, {0x17018, 0x0000000000abc007}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0xabc123, MODEL_KIND_FIRST_STAGE, 1, 0x1000,
     {{0x14008, 0x0000000000015027}, {0x15008, 0x0000000000016027},
      {0x16018, 0x0000000000017027}, {0x17018, 0x0000000000abc067}}},
    /* FSPM 1 is bit 130; PML5 index 1 of 1008040603123h; 1 GiB page (PS, bit 7). */
    {"first stage, 5 levels, 1G", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000000041},
      {0x13008, 0x0000000000800001}, {0x13010, 0x0000000000014004},
      {0x14008, 0x0000000000015007}, {0x15008, 0x0000000000016007},
      {0x16008, 0x0000000080000087}},
     {.sid = 0x0010, .addr = 0x1008040603123}, 0x80603123, MODEL_KIND_FIRST_STAGE, 1,
     0x40000000, {{0x16008, 0x00000000800000e7}}},
    /* EAFE is bit 135: EA (bit 10) with A. Here A, D, EA become 467h. */
    {"first stage, extended accessed", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000000041},
      {0x13008, 0x0000000000800001}, {0x13010, 0x0000000000014080},
      {0x14008, 0x0000000000015007}, {0x15008, 0x0000000000016007},
      {0x16018, 0x0000000000017007}, {0x17018, 0x0000000000abc007}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0xabc123, MODEL_KIND_FIRST_STAGE, 1, 0x1000,
     {{0x14008, 0x0000000000015427}, {0x17018, 0x0000000000abc467}}},
    /* PGTT 2 = 80h, AW 2 = 8: 12089h with P. SSADE (bit 9) off. */
    {"second stage, 4 levels, 4K", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000014089},
      {0x13008, 0x0000000000800123}, {0x14008, 0x0000000000015003},
      {0x15008, 0x0000000000016003}, {0x16018, 0x0000000000017003},
      {0x17018, 0x0000000000abc003}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0xabc123, MODEL_KIND_SECOND_STAGE, 0x123, 0x1000,
     {{0x14008, 0x0000000000015003}, {0x17018, 0x0000000000abc003}}},
    /* SSADE: 14289h. A is bit 8, D bit 9. */
    {"second stage, accessed and dirty", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000014289},
      {0x13008, 0x0000000000800123}, {0x14008, 0x0000000000015003},
      {0x15008, 0x0000000000016003}, {0x16018, 0x0000000000017003},
      {0x17018, 0x0000000000abc003}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0xabc123, MODEL_KIND_SECOND_STAGE, 0x123, 0x1000,
     {{0x14008, 0x0000000000015103}, {0x15008, 0x0000000000016103},
      {0x16018, 0x0000000000017103}, {0x17018, 0x0000000000abc303}}},
    /* AW 3 = Ch: 5 levels. 1 GiB page at level 3. HAW 52. */
    {"second stage, 5 levels, 1G", 52, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x000000000001408d},
      {0x13008, 0x0000000000800009}, {0x14008, 0x0000000000015003},
      {0x15008, 0x0000000000016003}, {0x16008, 0x0004000080000083}},
     {.sid = 0x0010, .addr = 0x1008040603123}, 0x4000080603123, MODEL_KIND_SECOND_STAGE, 9,
     0x40000000, {{0}}},
    /* PGTT 4 = 100h. */
    {"pass-through", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000000101},
      {0x13008, 0x0000000000000002}},
     {.sid = 0x0010, .addr = 0x40603123}, 0x40603123, MODEL_KIND_PASS_THROUGH, 2, 0x40000000,
     {{0}}},
    /* Device 00:12.0 is devfn 90h: upper table (second half of the root entry), entry 10h. */
    {"pass-through, upper context table", 48, 0x0000000000010400,
     {{0x10008, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x0000000000000101},
      {0x13008, 0x0000000000000002}},
     {.sid = 0x0090, .addr = 0x40603123}, 0x40603123, MODEL_KIND_PASS_THROUGH, 2, 0x40000000,
     {{0}}},
    /*
     * PASID 12345h: directory entry 48Dh (byte 2468h), table entry 5 (byte 140h). The
     * context entry has PASIDE (bit 3) and PDTS 4 (800h): 2^17 PASIDs.
     */
    {"pass-through, PASID 12345h", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000020809},
      {0x22468, 0x0000000000013001}, {0x13140, 0x0000000000000101},
      {0x13148, 0x0000000000000002}},
     {.sid = 0x0010, .has_pasid = true, .pasid = 0x12345, .addr = 0x40603123}, 0x40603123,
     MODEL_KIND_PASS_THROUGH, 2, 0x40000000, {{0}}},
    /* RID_PASID 41h: directory entry 1, table entry 1. */
    {"pass-through, RID_PASID 41h", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x11208, 0x0000000000000041}, {0x12008, 0x0000000000013001},
      {0x13040, 0x0000000000000101}, {0x13048, 0x0000000000000002}},
     {.sid = 0x0010, .addr = 0x40603123}, 0x40603123, MODEL_KIND_PASS_THROUGH, 2, 0x40000000,
     {{0}}},
    /*
     * Nested: PGTT 3 = C0h, AW 2 = 8: C9h with P. Second stage: GPA 0..1 GiB at HPA
     * 40000000h by one 1 GiB page. First stage: PML4 at GPA 1000h ... page at GPA abc000h.
     */
    {"nested, 4K over 1G", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x00000000000140c9},
      {0x13008, 0x0000000000800055}, {0x13010, 0x0000000000001000},
      {0x14000, 0x0000000000015003}, {0x15000, 0x0000000040000083},
      {0x40001008, 0x0000000000002007}, {0x40002008, 0x0000000000003007},
      {0x40003018, 0x0000000000004007}, {0x40004018, 0x0000000000abc007}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0x40abc123, MODEL_KIND_NESTED, 0x55, 0x1000,
     {{0x40001008, 0x0000000000002027}, {0x40004018, 0x0000000000abc067}}},
    /*
     * Nested, both stages by 4 KiB pages. GPA 1000h..4000h are HPA 31000h..34000h, GPA
     * 5000h is HPA 99000h. Identity nowhere, so a stage left out lands elsewhere.
     */
    {"nested, 4K over 4K", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x00000000000140c9},
      {0x13008, 0x0000000000800055}, {0x13010, 0x0000000000001000},
      {0x14000, 0x0000000000015003}, {0x15000, 0x0000000000016003},
      {0x16000, 0x0000000000017003}, {0x17008, 0x0000000000031003},
      {0x17010, 0x0000000000032003}, {0x17018, 0x0000000000033003},
      {0x17020, 0x0000000000034003}, {0x17028, 0x0000000000099003},
      {0x31008, 0x0000000000002007}, {0x32008, 0x0000000000003007},
      {0x33018, 0x0000000000004007}, {0x34018, 0x0000000000005007}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0x99123, MODEL_KIND_NESTED, 0x55, 0x1000,
     {{0x31008, 0x0000000000002027}, {0x32008, 0x0000000000003027},
      {0x33018, 0x0000000000004027}, {0x34018, 0x0000000000005067},
      {0x17028, 0x0000000000099003}}},
    /* Nested, 2M over 4K: the effective page is the smaller one, VT-d 3.8. GPA 603123h. */
    {"nested, 2M over 4K", 48, 0x0000000000010400,
     {{0x10000, 0x0000000000011001}, {0x11200, 0x0000000000012001},
      {0x12000, 0x0000000000013001}, {0x13000, 0x00000000000140c9},
      {0x13008, 0x0000000000800055}, {0x13010, 0x0000000000001000},
      {0x14000, 0x0000000000015003}, {0x15000, 0x0000000000016003},
      {0x16000, 0x0000000000017003}, {0x16018, 0x0000000000018003},
      {0x17008, 0x0000000000031003}, {0x17010, 0x0000000000032003},
      {0x17018, 0x0000000000033003}, {0x18018, 0x0000000000077003},
      {0x31008, 0x0000000000002007}, {0x32008, 0x0000000000003007},
      {0x33018, 0x0000000000600087}},
     {.sid = 0x0010, .addr = 0x8040603123}, 0x77123, MODEL_KIND_NESTED, 0x55, 0x1000,
     {{0x33018, 0x00000000006000e7}}},
};

static void load(struct rig *rig, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].addr != 0) {
            rig_put(rig, words[i].addr, words[i].value);
        }
    }
}

static void run_image(void **state)
{
    const struct golden *g = *state;
    struct model_config config = rig_default_config();
    config.haw = g->haw;
    struct rig *rig = rig_create(&config);
    load(rig, g->words, sizeof(g->words) / sizeof(g->words[0]));
    rig_enable(rig, g->rtaddr);
    struct model_request r = g->request;
    struct model_outcome outcome;
    uint8_t byte = 0x5a;
    r.op = MODEL_WRITE;
    r.len = 1;
    assert_true(model_translate(rig_unit(rig), &r, &outcome));
    assert_int_equal(outcome.hpa, g->hpa);
    assert_true(model_dma(rig_unit(rig), &r, &byte, &outcome));
    assert_int_equal(outcome.hpa, g->hpa);
    assert_int_equal(outcome.kind, g->kind);
    assert_int_equal(outcome.did, g->did);
    assert_int_equal(outcome.page_size, g->page_size);
    uint8_t seen = 0;
    rig_copy(rig, g->hpa, &seen, 1);
    assert_int_equal(seen, 0x5a);
    for (size_t i = 0; i < sizeof(g->after) / sizeof(g->after[0]); i++) {
        if (g->after[i].addr != 0) {
            assert_int_equal(rig_get(rig, g->after[i].addr), g->after[i].value);
        }
    }
    rig_destroy(rig);
}

/* A wait (SW, data 2) after a p_iotlb and a PASID-cache descriptor, 256 bits each. */
static void queue_image(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    struct model_unit *u = rig_unit(rig);
    static const struct word words[] = {
        /* PASID-cache: PASID 12345h in DID 55h, G=1 */
        {0x60000, 0x0001234500550017}, {0x60008, 0}, {0x60010, 0}, {0x60018, 0},
        /* p_iotlb: page 7000h of it, AM=3, IH=1, G=3 */
        {0x60020, 0x0001234500550036}, {0x60028, 0x0000000000007043},
        /* context-cache: SID 0110h in DID 55h, FM=3, G=3 */
        {0x60040, 0x0003011000550031},
        /* iotlb: DID 55h, page 200000h, AM=9, drain both, G=3 */
        {0x60060, 0x00000000005500f2}, {0x60068, 0x0000000000200009},
        /* IEC: index 21h, mask 4 */
        {0x60080, 0x0000002120000014},
        /* wait: SW, FN, data 2, address 61000h */
        {0x600a0, 0x0000000200000065}, {0x600a8, 0x0000000000061000},
    };
    load(rig, words, sizeof(words) / sizeof(words[0]));
    model_write(u, 0x90, 8, 0x60800);       /* IQA: DW=1, QS=0 */
    model_write(u, 0x18, 4, 0x04000000);    /* GCMD.QIE */
    model_write(u, 0x20, 8, 0x10400);       /* RTADDR: scalable */
    model_write(u, 0x18, 4, 0x44000000);    /* SRTP, QIE stays */
    model_write(u, 0x88, 8, 0xc0);
    assert_int_equal(model_read(u, 0x80, 8), 0xc0);
    assert_int_equal(model_read(u, 0x34, 4), 0);
    assert_int_equal(rig_get(rig, 0x61000), 2);
    const struct model_counters *c = model_counters(u);
    for (unsigned type = MODEL_DESC_CONTEXT; type <= MODEL_DESC_PASID_CACHE; type++) {
        assert_int_equal(c->descriptors[type], type == MODEL_DESC_DTLB ? 0 : 1);
    }
    rig_destroy(rig);
}

int main(void)
{
    enum { COUNT = sizeof(images) / sizeof(images[0]) };
    static struct CMUnitTest tests[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++) {
        tests[i] = (struct CMUnitTest){images[i].name, run_image, NULL, NULL,
                                       (void *)(uintptr_t)&images[i]};
    }
    tests[COUNT] = (struct CMUnitTest){"queue of six descriptors", queue_image, NULL, NULL,
                                       NULL};
    return _cmocka_run_group_tests("golden", tests, COUNT + 1, NULL, NULL);
}
