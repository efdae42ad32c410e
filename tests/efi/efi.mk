# EFI programs of the tests.
EFI_TESTS := $(patsubst tests/efi/%.c,$O/efi-tests/%.efi,$(wildcard tests/efi/dmar.c))
TEST_NEEDS += $(EFI_TESTS)

$O/efi-tests/%.efi.so: $O/efi/tests/efi/%.o
	@mkdir -p $(@D)
	$(EFI_LINK)
