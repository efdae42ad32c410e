# SPDX-License-Identifier: BSD-2-Clause
# DMAR tables for the tests, one for each kind of mistake and form of it, compiled by iasl.
DMAR_DSL := $(wildcard tests/unit/spec/dmar/*.dsl)
$O/dmar/%.aml: tests/unit/spec/dmar/%.dsl
	@mkdir -p $(@D)
	iasl -p $(@:.aml=) $< >$O/iasl-$(*F).log 2>&1 || { cat $O/iasl-$(*F).log; exit 1; }
	LC_ALL=C sed -i '1s/^RMAD/DMAR/' $@
DMAR_AML := $(DMAR_DSL:tests/unit/spec/dmar/%.dsl=$O/dmar/%.aml)
$O/unit/spec/test_dmar $O/unit/boot/test_machines: $(DMAR_AML)

# The image's own object, whose list of addresses is not for a program that can be anywhere.
$O/unit/machine/test_checked: $O/hv-image/hv/machine/checked.o
$O/unit/machine/test_checked: private HOST_FLAGS += -no-pie

# Parts of the Bochs machine, with what they are linked to there replaced by the test.
$O/unit/attach/test_ioapic $O/unit/attach/test_edu: $O/unit/attach/test_%: $O/host/tests/bochs/attach/%.o

# With the image's own log in place of the tests', and with the UART's driver.
$O/unit/partition/test_console: $O/host/hv/machine/log.o
$O/unit/drivers/test_serial: $O/host/drivers/serial.o
