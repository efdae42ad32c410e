# SPDX-License-Identifier: BSD-2-Clause
# Nestor. `make help` lists the targets; none needs an argument.
#
# Sources are found by folder, so a new file needs no line here:
#   obj/nestor.elf  hv/ iommu/ drivers/      freestanding, linked by linker.ld
#   obj/nestor.efi  boot/ (+ what it shares) GNU-EFI, carries nestor.elf
#   obj/unit/*/*    tests/unit/*/test_*.c    hosted, under ASan and UBSan
# The tiers on emulated machines bring their own fragments: tests/*/*.mk.

ifeq ($(origin CROSS_COMPILE),undefined)
CROSS_COMPILE := $(if $(shell command -v x86_64-elf-gcc),x86_64-elf-,x86_64-linux-gnu-)
endif
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
LD := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
OBJDUMP := $(CROSS_COMPILE)objdump
NM := $(CROSS_COMPILE)nm
READELF := $(CROSS_COMPILE)readelf
SIZE := $(CROSS_COMPILE)size
NASM := nasm
HOSTCC ?= gcc
CLANG ?= clang
O := obj
comma := ,

# A line for each file; `make V=1` prints the commands instead, `make run` a few lines in all.
SAY := :
ifneq ($(V),1)
MAKEFLAGS += --silent --no-print-directory
SAY := $(if $(QUIET),:,echo)
endif

# Warnings are errors, and a build does not depend on the folder or the day.
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
REPRO := -ffile-prefix-map=$(CURDIR)=. -Wdate-time
COMMON := -std=gnu11 -O2 -fno-strict-aliasing -I. $(WARN) $(REPRO) -MMD -MP
# The image runs in interrupt context on a guest's FPU state: no red zone, no
# vector or x87 registers; it lives at a low address (linker.ld).
# Optimised as one program, for size, which saves 5 KiB. Without vector registers a stack needs only 8 bytes of
# alignment. clang would need lld and other options for this, so only gcc does it.
HV_LTO := $(if $(findstring clang,$(CC)),,-flto -flto-partition=none -fipa-pta -fno-ipa-sra \
	-mpreferred-stack-boundary=3)
HV_FLAGS := $(COMMON) -Oz -g -ffreestanding -fno-pic -fno-pie -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -fno-builtin -fno-common \
	-ffunction-sections -fdata-sections $(HV_LTO)
# Of that, what a guest waits for page by page, command by command or exit by exit is built for speed.
HV_FAST := $(addprefix iommu/,$(addprefix ptab/,range.c run.c map.c ptab.c entry.c assign.c) domain/domain.c \
	$(addprefix shadow/,entry.c sync.c) viommu/irt.c viommu/irte.c viommu/regs.c vtd/ring.c) \
	hv/exit/exit.c hv/machine/memory_map.c hv/partition/memory.c
HV_SPEED := -O2 $(if $(findstring clang,$(CC)),,-fno-align-functions -fno-align-jumps -fno-align-loops)
HV_LTO_LINK = $(CC) $(filter-out -MMD -MP -I.,$(HV_FLAGS))
HV_LINK = $(HV_LTO_LINK) -nostdlib -static \
	$(addprefix -Wl$(comma),--build-id=none -zmax-page-size=4096 -znoexecstack --fatal-warnings --gc-sections -Tlinker.ld)
EFI_INC := /usr/include/efi
EFI_LIB := /usr/lib
VERSION := $(shell cat VERSION)
EFI_FLAGS := -std=gnu11 -O2 -I. $(WARN) $(REPRO) -MMD -MP -ffreestanding -fpic -fshort-wchar \
	-mgeneral-regs-only -mno-red-zone -fno-stack-protector -fcf-protection=none -g \
	-fno-strict-aliasing -fno-asynchronous-unwind-tables -DGNU_EFI_USE_MS_ABI -DNESTOR_VERSION='"$(VERSION)"' \
	-isystem $(EFI_INC) -isystem $(EFI_INC)/x86_64
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HOST_FLAGS := $(COMMON) -g -Itests $(SAN)

HV_C := $(wildcard hv/*.c hv/*/*.c iommu/*/*.c drivers/*.c)
HV_ASM := $(wildcard hv/*.asm hv/*/*.asm)
HV_OBJ := $(HV_C:%.c=$O/hv-image/%.o) $(HV_ASM:%.asm=$O/hv-image/%.o)
# What the boot program shares with the image: pure code only.
BOOT_SHARED := $(wildcard drivers/crc32.c drivers/format.c drivers/serial.c hv/vmx/caps.c iommu/spec/*.c)
BOOT_OBJ := $(patsubst %.c,$O/efi/%.o,$(wildcard boot/*.c) $(BOOT_SHARED)) \
	$O/efi/boot/bridge.o $O/efi/boot/sbat.o $O/efi/boot/image.o

# The part of hv/, boot/ and drivers/ that runs hosted: code that touches no hardware. Of boot/ that is what includes
# neither boot/uefi.h nor a header that includes it; of hv/ the folder of pure code, and what has a hosted test.
BOOT_PURE := $(shell grep -LF -e boot/uefi.h $$(grep -lF boot/uefi.h boot/*.h | sed 's/^/-e /') boot/*.c)
# The reader of the status window, but for what it runs on.
CTL_C := $(filter-out tools/nestorctl/efi% tools/nestorctl/linux%,$(wildcard tools/nestorctl/*.c))
CTL_PURE := $(BOOT_PURE) drivers/crc32.c drivers/format.c hv/machine/libc.c hv/vmx/caps.c hv/vmx/reason.c \
	 $(wildcard iommu/spec/*.c)
CTL_LINUX := $(CTL_C) $(wildcard tools/nestorctl/linux*.c) $(CTL_PURE)
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/test_*.c))
HV_PURE := $(sort $(wildcard hv/guest/*.c $(subst /test_,/,$(UNIT:%=hv/%.c))))
HOSTED_C := $(wildcard iommu/*/*.c tests/support/*.c tests/model/*.c tools/*_line.c tools/*_text.c) \
	drivers/crc32.c drivers/format.c hv/vmx/reason.c $(CTL_C) $(BOOT_PURE) $(HV_PURE)
HOSTED_LIB := $O/host/libnestor.a

CTL := $O/nestorctl $O/nestorctl.efi

include $(wildcard tests/*/*.mk packaging/*.mk)

.PHONY: all image config-reference dist machines unit test test-long seconds test-programs cov-programs \
	run setup coverage bench bench-keep compare fuzz clean help
.DEFAULT_GOAL := all
all: image $(UNIT:%=$O/unit/%) $(CTL) $O/nestor-conf $O/nestor-dmar $(RUN_NEEDS) ## build everything

image: $O/nestor.efi ## the hypervisor and its UEFI program, with their sizes
	@$(SIZE) -A $O/nestor.elf | awk '/^\.text/ {t=$$2} /^\.(text|rodata|data|bss|symbols)/ {s+=$$2} \
		END {printf "nestor.elf: .text %d bytes, image and static data %d bytes\n", t, s}'

# Linked twice: the image contains a table of its functions' names (hv/machine/symbols.c), made from the first
# link. The table comes after all code, so the second link moves none of it; cmp checks that.
$O/unnamed.elf: $(HV_OBJ) linker.ld
	@$(SAY) "LD $O/nestor.elf"
	$(HV_LINK) -o $@ $(HV_OBJ)
$O/%.functions: $O/%.elf
	$(NM) -n $< | grep -i ' t ' >$@
$O/symbols.asm: $O/unnamed.functions hv/machine/symbols.awk
	awk -f hv/machine/symbols.awk $< >$@
$O/nestor.elf: $(HV_OBJ) $O/symbols.o linker.ld
	$(HV_LINK) -o $@ $(HV_OBJ) $O/symbols.o
	$(NM) -n $@ | grep -i ' t ' | cmp $O/unnamed.functions

$O/hv-image/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(CC) $(HV_FLAGS) $(if $(filter $(HV_FAST),$<),$(HV_SPEED)) -c -o $@ $<
$O/hv-image/%.o: %.asm Makefile
	@mkdir -p $(@D) && $(SAY) "AS $<"
	$(NASM) -f elf64 -I hv/ -MD $(@:.o=.d) -o $@ $<

$O/symbols.o: $O/symbols.asm
	$(NASM) -f elf64 -o $@ $<

$O/efi/%.o: %.c Makefile VERSION
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(CC) $(EFI_FLAGS) -c -o $@ $<
$O/efi/%.o: %.asm Makefile VERSION
	@mkdir -p $(@D) && $(SAY) "AS $<"
	$(NASM) -f elf64 -DVERSION='"$(VERSION)"' -MD $(@:.o=.d) -o $@ $<
# The image travels inside the program: one file to install, one to remove.
define IMAGE_AS_DATA
@mkdir -p $(@D)
$(OBJCOPY) --strip-all $< $(@D)/image.bin
cd $(@D) && $(LD) -r -b binary -z noexecstack -o image.tmp.o image.bin
$(OBJCOPY) --rename-section .data=.rodata,alloc,load,readonly,data,contents $(@D)/image.tmp.o $@
endef
$O/efi/boot/image.o: $O/nestor.elf
	$(IMAGE_AS_DATA)
$O/%.efi: $O/%.efi.so tools/pe.py
	$(OBJCOPY) -j .text -j .sdata -j .data -j .dynamic -j .rodata -j .rel -j .rela -j .reloc -j .sbat \
		--target=efi-app-x86_64 --subsystem=10 $< $@
	tools/pe.py $@
EFI_LINK = $(LD) -nostdlib -znocombreloc -shared -Bsymbolic --build-id=none --no-undefined \
	-T $(EFI_LIB)/elf_x86_64_efi.lds $(EFI_LIB)/crt0-efi-x86_64.o $(filter %.o,$^) \
	-L$(EFI_LIB) -lefi -lgnuefi -o $@
$O/nestor.efi.so: $(BOOT_OBJ)
	$(EFI_LINK)

$O/host/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(HOSTCC) $(HOST_FLAGS) -c -o $@ $<
$(HOSTED_LIB): $(HOSTED_C:%.c=$O/host/%.o)
	rm -f $@ && ar rcsD $@ $^
$O/unit/%: tests/unit/%.c $(HOSTED_LIB)
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(HOSTCC) $(HOST_FLAGS) -o $@ $< $(filter %.o,$^) $(HOSTED_LIB) -lcmocka $(if $(findstring zydis,$*),-lZydis)

$O/nestor-conf $O/nestor-dmar: $O/%: tools/%.c $(HOSTED_LIB)
	$(HOSTCC) $(HOST_FLAGS) -o $@ $< $(HOSTED_LIB)

config-reference: $O/nestor-conf ## write docs/config.md anew, from the table that the parser reads
	$O/nestor-conf --reference >docs/config.md

dist: ## obj/dist: source, program, bill of materials and sums of the commit that is checked out
	tools/dist $O/dist

# The reader of the status window, for Linux and for the firmware's shell: one source, a platform each. The first has no
# C library, so that one static file runs on any Linux.
CTL_FLAGS := $(COMMON) -Os -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only -fno-stack-protector \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections -fno-builtin
CTL_LINK = $(CC) -nostdlib -static -no-pie -Wl,--build-id=none,--gc-sections,-znoexecstack,-s
$O/ctl/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(CC) $(CTL_FLAGS) -c -o $@ $<
$O/nestorctl: $(CTL_LINUX:%.c=$O/ctl/%.o)
	$(CTL_LINK) -o $@ $^
# In the firmware's shell nothing ends a program, and there are no files of names and no browser.
CTL_EFI := $(filter-out %/top.c %/ids.c tools/nestorctl/html%,$(CTL_C)) tools/nestorctl/efi.c hv/vmx/reason.c
$O/nestorctl.efi.so: $(CTL_EFI:%.c=$O/efi/%.o) $O/efi/boot/bridge.o \
	$(patsubst %.c,$O/efi/%.o,$(filter-out boot/main.c boot/next.c boot/launch.c boot/place.c boot/partition.c \
	boot/hand_over.c,$(wildcard boot/*.c)) $(BOOT_SHARED))
	$(EFI_LINK)

# Tables of other machines, as /sys/firmware/acpi/tables/DMAR has them; without TABLES= the project's own.
TABLES ?= $O/dmar
machines: $O/nestor-dmar $(if $(filter $O/%,$(TABLES)),$(DMAR_AML)) ## what Nestor makes of DMAR tables, TABLES=DIR
	$O/nestor-dmar $(TABLES)

# KERNEL=, INITRD=, CMDLINE= name another kernel; PLATFORM=kvm runs nested on an Intel host.
PLATFORM ?= bochs
run: ## boot OVMF, Nestor and a stock Debian kernel on the Bochs machine
	tools/setup run
	@echo "building nestor.efi and the machine"
	$(MAKE) QUIET=1 image $(RUN_NEEDS)
	tests/$(PLATFORM)/run

setup: ## install what is missing (packages, emulators, kernels), once per machine
	tools/setup test

# tests/run sets the machine up and builds `test-programs` first; the fragments in tests/*/*.mk add to TEST_NEEDS.
test: ## every test there is: hosted, fuzzers, QEMU, KVM, Bochs; ends with `N passed, N failed`
	@command -v python3 >/dev/null || tools/setup build
	@tests/run
test-long: ## the same, with what `make test` repeats at a tenth in full: hours
	@command -v python3 >/dev/null || tools/setup build
	@NESTOR_LONG=1 tests/run
seconds: ## what the programs of the last test runs took becomes tests/seconds, for order and forecast
	tests/run --seconds
test-programs: all deps $(TEST_NEEDS)

unit: deps $(UNIT:%=$O/unit/%) ## hosted tests, under ASan and UBSan
	tests/run unit

# The same hosted tests without sanitizers, with counters; figures for iommu/ alone.
coverage: ## line and branch coverage of iommu/ by the hosted tests, at least 95 % and 85 %
	$(MAKE) O=obj/cov SAN='--coverage -DCOVERAGE' UNIT='$(UNIT)' cov-programs
	for t in $(UNIT); do obj/cov/unit/$$t >/dev/null 2>&1 || { echo "$$t failed"; exit 1; }; done
	gcovr --root . --filter 'iommu/' --exclude-unreachable-branches --print-summary \
		--fail-under-line 95 --fail-under-branch 85 --txt obj/coverage.txt obj/cov; \
		result=$$?; cat obj/coverage.txt; exit $$result
cov-programs: $(UNIT:%=$O/unit/%)

clean: ## remove obj/
	rm -rf $O

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $O -name '*.d' 2>/dev/null)
.SECONDARY:
