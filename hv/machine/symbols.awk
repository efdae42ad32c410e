# SPDX-License-Identifier: BSD-2-Clause
# `nm -n` of the linked image to the table that hv/machine/symbols.c reads: struct symbol, then the names.
{
    # Addresses are below 4 GiB: the low half is enough, and awk never computes with it.
    table = table "    dd 0x" substr($1, 9) " - 0x10000, name_" NR " - names\n"
    names = names "name_" NR ": db \"" $3 "\", 0\n"
}
END {
    printf "section .symbols progbits alloc noexec nowrite align=8\n%s", table
    printf "section .symbol_names progbits alloc noexec nowrite align=1\nnames:\n%s", names
    print "section .note.GNU-stack noalloc noexec nowrite progbits"
}
