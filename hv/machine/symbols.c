/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See symbols.h. The table is made from the image's first link (Makefile): entries sorted by address, each an
 * offset from the image's start and the offset of its name. linker.ld defines its bounds.
 */
#include "hv/machine/symbols.h"

#include "drivers/format.h"

struct symbol { u32 offset; u32 name; };

extern const u8 image_start[];
extern const u8 text_end[];
extern const struct symbol symbol_table[];
extern const struct symbol symbol_table_end[];
extern const char symbol_names[];

bool symbol_is_code(u64 address)
{
    return address >= (u64)(uintptr_t)image_start && address < (u64)(uintptr_t)text_end;
}

void symbol_text(u64 address, char text[SYMBOL_TEXT])
{
    u64 offset = address - (u64)(uintptr_t)image_start;
    const struct symbol *found = NULL;
    for (const struct symbol *s = symbol_table; s < symbol_table_end && s->offset <= offset; s++) {
        found = s;
    }
    if (symbol_is_code(address) && found != NULL) {
        (void)format_text(text, SYMBOL_TEXT, "%s+0x%llx", symbol_names + found->name,
                          offset - found->offset);
    } else {
        (void)format_text(text, SYMBOL_TEXT, "0x%llx", address);
    }
}
