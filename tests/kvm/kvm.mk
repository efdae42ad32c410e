# SPDX-License-Identifier: BSD-2-Clause
# The machines under KVM, on a KVM host inside Bochs: an hour and more.
KVM_PROGRAMS := $(patsubst %,$O/efi-tests/%.efi,hostile machine_checks)
.PHONY: test-kvm
test-kvm: image $(RUN_NEEDS) $(KVM_PROGRAMS) ## Nestor nested under KVM inside Bochs, on each machine it knows
	tools/setup test
	NESTOR_LONG=1 tests/kvm/test_machines --all
