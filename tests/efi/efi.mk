# EFI programs of the tests.
EFI_TESTS := $(patsubst tests/efi/%.c,$O/efi-tests/%.efi,tests/efi/dmar.c tests/efi/next.c)
TEST_NEEDS += $(EFI_TESTS)

$O/efi-tests/%.efi.so: $O/efi/tests/efi/%.o
	@mkdir -p $(@D)
	$(EFI_LINK)
