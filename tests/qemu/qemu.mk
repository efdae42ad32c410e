# SPDX-License-Identifier: BSD-2-Clause
# The QEMU tier: one script for QEMU's unit and for the reference model.
TEST_NEEDS += $O/qemu/on_model
$O/qemu/on_model: $(patsubst %.c,$O/qemu/%.o,$(wildcard tests/qemu/*.c tests/model/model_*.c))
	$(HOSTCC) $(SAN) -o $@ $^
$O/qemu/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(HOSTCC) $(HOST_FLAGS) -c -o $@ $<
