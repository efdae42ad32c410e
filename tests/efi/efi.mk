# SPDX-License-Identifier: BSD-2-Clause
# EFI programs of the tests.
EFI_TESTS := $(patsubst %,$O/efi-tests/%.efi,dmar next script driver_test bench mtrr cpus hostile \
	sabotage unmap debug interrupts machine_check machine_checks tcg partition partition_root)
EFI_TESTS += $O/efi-tests/protect.efi $O/efi-tests/protect_before.efi
TEST_NEEDS += $(EFI_TESTS)

# The driver itself on boot services: iommu/ but for the guest's unit, and a driver for each device.
DRIVER_TEST_C := $(wildcard tests/efi/driver_*.c) $(filter-out iommu/viommu/%,$(wildcard iommu/*/*.c)) \
	tests/efi/port_efi.c tests/efi/pci.c tests/efi/edu.c \
	tests/efi/nvme.c tests/efi/e1000e.c drivers/format.c drivers/serial.c

$O/efi-tests/bench.efi.so: $O/efi/tests/efi/guest_unit.o $O/efi/tests/efi/port_efi.o $O/efi/tests/efi/bench_shadow.o \
	$O/efi/tests/efi/bench_partition.o $O/efi/tests/efi/fault.o $O/efi/drivers/format.o $O/efi/drivers/serial.o
$O/efi-tests/mtrr.efi.so: $O/efi/tests/efi/fault.o
$O/efi-tests/debug.efi.so: $O/efi/tests/efi/debug_cases.o
$O/efi-tests/cpus.efi.so: $(patsubst %,$O/efi/tests/efi/%.o,cpus_start cpus_apic fault)
$O/efi-tests/protect.efi.so: $O/efi/tests/efi/fault.o $O/efi/tests/efi/guest_unit.o \
	$O/efi/tests/efi/port_efi.o $O/efi/drivers/format.o $O/efi/drivers/serial.o
$O/efi-tests/partition.efi.so: $(patsubst %,$O/efi/%.o,tests/efi/partition_window tests/efi/partition_attack \
	tests/efi/pci tests/efi/guest_unit tests/efi/port_efi boot/status_client drivers/crc32 drivers/format drivers/serial)
$O/efi-tests/partition_root.efi.so: $(patsubst %,$O/efi/%.o,tests/efi/partition_window boot/status_client drivers/crc32)
$O/efi-tests/interrupts.efi.so: $O/efi/tests/efi/guest_unit.o $O/efi/tests/efi/port_efi.o \
	$O/efi/drivers/format.o $O/efi/drivers/serial.o
$O/efi-tests/machine_check.efi.so: $(patsubst %,$O/efi/%.o,tests/efi/checks18 tests/efi/fault tests/efi/guest_unit \
	tests/efi/port_efi drivers/format drivers/serial)
$O/efi-tests/machine_checks.efi.so: $(patsubst %,$O/efi/%.o,tests/efi/fault tests/efi/guest_unit tests/efi/port_efi \
	drivers/format drivers/serial)
$O/efi-tests/unmap.efi.so: $(patsubst %,$O/efi/%.o,tests/efi/fault tests/efi/guest_unit tests/efi/ide tests/efi/pci \
	tests/efi/port_efi drivers/format drivers/serial)
$O/efi-tests/script.efi.so: $O/efi/tests/qemu/script.o
$O/efi-tests/driver_test.efi.so: $(DRIVER_TEST_C:%.c=$O/efi/%.o)
# The hostile guest: a file for each subject.
HOSTILE_TEST := $(patsubst %,$O/efi/%.o,$(basename $(wildcard tests/efi/hostile_*.c tests/efi/hostile_*.asm)) \
	tests/efi/ide tests/efi/pci drivers/format drivers/crc32 boot/status_client)
$O/efi-tests/hostile.efi.so: $(HOSTILE_TEST)
$O/efi-tests/%.efi.so: $O/efi/tests/efi/%.o
	@mkdir -p $(@D)
	$(EFI_LINK)
