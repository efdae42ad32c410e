# EFI programs of the tests.
EFI_TESTS := $(patsubst %,$O/efi-tests/%.efi,dmar next script)
TEST_NEEDS += $(EFI_TESTS)

$O/efi-tests/script.efi.so: $O/efi/tests/qemu/script.o
$O/efi-tests/%.efi.so: $O/efi/tests/efi/%.o
	@mkdir -p $(@D)
	$(EFI_LINK)
