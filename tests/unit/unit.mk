# DMAR tables for the parser's test, compiled by iasl and taken in with .incbin.
DMAR_DSL := $(wildcard tests/unit/dmar/*.dsl)
$O/dmar/%.aml: tests/unit/dmar/%.dsl
	@mkdir -p $(@D)
	iasl -p $(@:.aml=) $< >$(@:.aml=.log) 2>&1 || { cat $(@:.aml=.log); exit 1; }
$O/unit/test_vtd_dmar: $(DMAR_DSL:tests/unit/dmar/%.dsl=$O/dmar/%.aml)
