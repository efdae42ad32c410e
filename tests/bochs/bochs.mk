# The Bochs machine: the VT-d unit that is attached from outside.
ATTACH_C := $(wildcard tests/bochs/attach/*.c tests/model/model_*.c)
ATTACH_OBJ := $(ATTACH_C:%.c=$O/bochs/%.o)
TEST_NEEDS += $O/bochs/vtdunit.so

$O/bochs/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(HOSTCC) $(COMMON) -fPIC -c -o $@ $<
# Bochs unmaps a plugin after its probe; the unit must stay.
$O/bochs/vtdunit.so: $(ATTACH_OBJ)
	$(HOSTCC) -shared -Wl,-z,nodelete -Wl,-z,defs -o $@ $^
