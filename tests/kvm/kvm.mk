# SPDX-License-Identifier: BSD-2-Clause
# The machines under KVM, on a KVM host inside Bochs: an hour and more.
.PHONY: test-kvm
test-kvm: image $(RUN_NEEDS) $O/efi-tests/hostile.efi ## Nestor nested under KVM inside Bochs, on each machine it knows
	tools/setup test
	NESTOR_LONG=1 tests/kvm/test_machines --all
