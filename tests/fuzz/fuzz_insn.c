/* SPDX-License-Identifier: BSD-2-Clause */
/* The instruction decoder against Zydis: a byte for the mode, then up to 15 of an instruction. */
#include "tests/fuzz/input.h"
#include "tests/support/zydis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct input in = {data, size};
    enum insn_mode mode = (enum insn_mode)(input_byte(&in) % 3);
    size_t length = in.left < INSN_MAX_LENGTH ? in.left : INSN_MAX_LENGTH;
    u8 *exact = malloc(length + 1); /* a read behind the last byte is seen */
    bool accepted;
    if (exact == NULL) {
        return 0;
    }
    memcpy(exact + 1, in.at, length);
    const char *wrong = zydis_disagrees(exact + 1, length, mode, &accepted);
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        abort();
    }
    free(exact);
    return 0;
}
