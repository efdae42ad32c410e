# SPDX-License-Identifier: BSD-2-Clause
# The QEMU tier: one script for QEMU's unit and for the reference model.
TEST_NEEDS += $O/qemu/on_model
$O/qemu/on_model: $(patsubst %.c,$O/qemu/%.o,$(wildcard tests/qemu/*.c tests/model/model_*.c))
	$(HOSTCC) $(SAN) -o $@ $^
# Nestor that hangs while it looks at the machine, and a watchdog of seconds.
TEST_NEEDS += $O/qemu/nestor-hang.efi
$O/qemu/hang/main.c: boot/main.c
	@mkdir -p $(@D)
	sed 's/report_units(&machine);/for (;;) {}/' $< >$@
	! cmp -s $< $@
$O/qemu/hang/next.c: boot/next.c
	@mkdir -p $(@D)
	sed 's/WATCHDOG_SECONDS = 300/WATCHDOG_SECONDS = 5/' $< >$@
	! cmp -s $< $@
$O/qemu/hang/%.o: $O/qemu/hang/%.c Makefile
	$(CC) $(EFI_FLAGS) -c -o $@ $<
$O/qemu/nestor-hang.efi.so: $O/qemu/hang/main.o $O/qemu/hang/next.o \
	$(filter-out $O/efi/boot/main.o $O/efi/boot/next.o,$(BOOT_OBJ))
	$(EFI_LINK)
$O/qemu/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(HOSTCC) $(HOST_FLAGS) -c -o $@ $<
