# SPDX-License-Identifier: BSD-2-Clause
# The Bochs machine: the VT-d unit that is attached from outside.
ATTACH_C := $(wildcard tests/bochs/attach/*.c tests/model/model_*.c)
ATTACH_OBJ := $(ATTACH_C:%.c=$O/bochs/%.o)
TEST_NEEDS += $O/bochs/vtdunit.so

$O/bochs/%.o: %.c Makefile
	@mkdir -p $(@D) && $(SAY) "CC $<"
	$(HOSTCC) $(COMMON) -fPIC -c -o $@ $<
# Bochs unmaps a plugin after its probe; the unit must stay.
$O/bochs/vtdunit.so: $(ATTACH_OBJ)
	$(HOSTCC) -shared -Wl,-z,nodelete -Wl,-z,defs -o $@ $^

# Programs for the guest's initial RAM disk: no C library, so any compiler for x86-64 does.
GUEST_PROGRAMS := $(patsubst tests/bochs/guest/%.c,$O/bochs/guest/%,$(wildcard tests/bochs/guest/*.c))
# What a machine cannot be started without.
RUN_NEEDS := $O/bochs/vtdunit.so $O/efi-tests/dmar.efi $(GUEST_PROGRAMS)
TEST_NEEDS += $(GUEST_PROGRAMS)
$O/bochs/guest/%: tests/bochs/guest/%.c $(wildcard tests/bochs/guest/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -I. $(WARN) -ffreestanding -fno-stack-protector -fno-pie -no-pie -nostdlib -static \
		-o $@ $(filter %.c,$^)

$O/bochs/guest/reports: boot/status_client.c drivers/crc32.c hv/machine/libc.c
# What it shows is built for any Linux.
RUN_NEEDS += $O/nestorctl

# nestorctl as it comes with a later Nestor, which speaks another protocol.
TEST_NEEDS += $O/bochs/nestorctl-later
$O/bochs/later/main.c: tools/nestorctl/main.c
	@mkdir -p $(@D)
	sed 's/r.edx == STATUS_PROTOCOL/r.edx == STATUS_PROTOCOL + 1/' $< >$@
	! cmp -s $< $@
$O/bochs/later/main.o: $O/bochs/later/main.c Makefile
	$(CC) $(CTL_FLAGS) -c -o $@ $<
$O/bochs/nestorctl-later: $O/bochs/later/main.o $(patsubst %.c,$O/ctl/%.o,$(filter-out %/main.c,$(CTL_LINUX)))
	$(CTL_LINK) -o $@ $^

# A module for the guest's 6.1 kernel, built as any module with that kernel's headers in the cache. Kbuild
# writes beside the sources, so it gets a copy of them.
CACHE := $(or $(NESTOR_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/nestor)
HEADERS = $(wildcard $(CACHE)/kernel-bookworm/usr/src/linux-headers-*-common)
ATTACKER := $(wildcard tests/bochs/guest/module/*) tests/efi/protect.h
TEST_NEEDS += $O/bochs/module/attacker.ko
$O/bochs/module/attacker.ko: $(ATTACKER) tests/bochs/bochs.mk
	@mkdir -p $(@D)
	$(if $(HEADERS),,$(error no kernel headers in $(CACHE): run `make setup`))
	cp $(ATTACKER) $(@D)
	$(MAKE) -C $(HEADERS) O=$(HEADERS:common=amd64) ARCH=x86 CC=$(CC) CROSS_COMPILE=$(CROSS_COMPILE) \
		M=$(CURDIR)/$(@D) modules

# Nestor with a pool of so many pages, for its exhaustion at every step of the start.
POOLS := 1 4 8 12 16 20 24 28 32 36 40 44 48 50 52 54
POOL_TESTS := $(POOLS:%=$O/bochs/nestor-pool-%.efi)
TEST_NEEDS += $(POOL_TESTS)
$(POOLS:%=$O/bochs/place-%.c): $O/bochs/place-%.c: boot/place.c
	@mkdir -p $(@D)
	sed 's/h->pool_size = .*/h->pool_size = $* * PAGE_SIZE;/' $< >$@
	! cmp -s $< $@
$(POOLS:%=$O/bochs/place-%.o): $O/bochs/place-%.o: $O/bochs/place-%.c Makefile
	$(CC) $(EFI_FLAGS) -c -o $@ $<
$O/bochs/nestor-pool-%.efi.so: $O/bochs/place-%.o $(filter-out $O/efi/boot/place.o,$(BOOT_OBJ))
	$(EFI_LINK)

# Nestor whose guest may have its own memory taken away: one object stands for another of the product.
UNMAP_OBJ := $O/hv-image/tests/bochs/unmap/image.o $(filter-out $O/hv-image/hv/exit/undefined.o,$(HV_OBJ))
TEST_NEEDS += $O/bochs/nestor-unmap.efi
$O/bochs/unmap/nestor.elf: $(UNMAP_OBJ) linker.ld
	@mkdir -p $(@D)
	$(HV_LINK) -o $@ $(UNMAP_OBJ)
$O/bochs/unmap/image.o: $O/bochs/unmap/nestor.elf
	$(IMAGE_AS_DATA)
$O/bochs/nestor-unmap.efi.so: $O/bochs/unmap/image.o $(filter-out $O/efi/boot/image.o,$(BOOT_OBJ))
	$(EFI_LINK)

# What a partition beside the root runs: 32-bit, by multiboot 1.
PARTITION_FLAGS := -m32 -std=gnu11 -Os -Wall -Wextra -Werror -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-mgeneral-regs-only -fno-asynchronous-unwind-tables -fcf-protection=none
TEST_NEEDS += $O/bochs/partition/guest.elf
$O/bochs/partition/start.o: tests/bochs/partition/start.asm
	@mkdir -p $(@D)
	$(NASM) -f elf32 -o $@ $<
$O/bochs/partition/%.o: tests/bochs/partition/%.c
	@mkdir -p $(@D)
	$(CC) $(PARTITION_FLAGS) -I. -MMD -c -o $@ $<
$O/bochs/partition/guest.elf: $(patsubst %,$O/bochs/partition/%.o,start guest attack unit exact steady)
	$(LD) -m elf_i386 -N -Ttext=0x100000 --no-warn-rwx-segments --build-id=none -e _start -o $@ $^

# Nestor whose second CPU cannot enter: RFLAGS bit 1 is 0 there (SDM 28.3.1.4).
NO_AP_OBJ := $O/bochs/no-ap/vmcs_setup.o $(filter-out $O/hv-image/hv/vcpu/vmcs_setup.o,$(HV_OBJ))
TEST_NEEDS += $O/bochs/nestor-no-ap.efi
$O/bochs/no-ap/vmcs_setup.c: hv/vcpu/vmcs_setup.c
	@mkdir -p $(@D)
	sed 's/VMCS_GUEST_RFLAGS, RFLAGS_ONE/VMCS_GUEST_RFLAGS, c->index == 1 ? 0 : RFLAGS_ONE/' $< >$@
	! cmp -s $< $@
$O/bochs/no-ap/vmcs_setup.o: $O/bochs/no-ap/vmcs_setup.c Makefile
	$(CC) $(HV_FLAGS) -c -o $@ $<
$O/bochs/no-ap/nestor.elf: $(NO_AP_OBJ) linker.ld
	$(HV_LINK) -o $@ $(NO_AP_OBJ)
$O/bochs/no-ap/image.o: $O/bochs/no-ap/nestor.elf
	$(IMAGE_AS_DATA)
$O/bochs/nestor-no-ap.efi.so: $O/bochs/no-ap/image.o $(filter-out $O/efi/boot/image.o,$(BOOT_OBJ))
	$(EFI_LINK)
