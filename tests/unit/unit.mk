# DMAR tables for the parser's test, compiled by iasl and taken in with .incbin.
DMAR_DSL := $(wildcard tests/unit/spec/dmar/*.dsl)
$O/dmar/%.aml: tests/unit/spec/dmar/%.dsl
	@mkdir -p $(@D)
	iasl -p $(@:.aml=) $< >$(@:.aml=.log) 2>&1 || { cat $(@:.aml=.log); exit 1; }
$O/unit/spec/test_dmar: $(DMAR_DSL:tests/unit/spec/dmar/%.dsl=$O/dmar/%.aml)
