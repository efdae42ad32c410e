# Benchmarks: the code of iommu/ compiled as for the hypervisor (no vector registers), run hosted.
BENCH_FLAGS := $(COMMON) -g -mgeneral-regs-only -fno-strict-aliasing -fno-stack-protector \
	-fcf-protection=none
BENCH_LIB := $O/bench/libiommu.a
BENCH_PROGRAMS := $(patsubst tests/bench/bench_%.c,$O/bench/bench_%,\
	$(filter-out tests/bench/bench_port.c,$(wildcard tests/bench/bench_*.c)))

$O/bench/iommu/%.o: iommu/%.c Makefile
	@mkdir -p $(@D)
	$(HOSTCC) $(BENCH_FLAGS) -c -o $@ $<
$O/bench/tests/%.o: tests/%.c Makefile
	@mkdir -p $(@D)
	$(HOSTCC) $(COMMON) -g -c -o $@ $<
$(BENCH_LIB): $(patsubst iommu/%.c,$O/bench/iommu/%.o,$(wildcard iommu/*.c)) \
		$(patsubst %.c,$O/bench/%.o,$(wildcard tests/model/model_*.c tests/bench/bench_port.c))
	rm -f $@ && ar rcsD $@ $^
$O/bench/bench_%: $O/bench/tests/bench/bench_%.o $(BENCH_LIB)
	$(HOSTCC) -o $@ $^

bench: $(BENCH_PROGRAMS) ## what things cost, in ns and instructions: a table and obj/bench.json
	tests/bench/report $O/bench.json $^
