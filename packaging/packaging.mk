# SPDX-License-Identifier: BSD-2-Clause
# Nestor on its way to machines: installed, signed, on a stick, as a Debian package. What these do in detail is in
# packaging/nestor-install, tools/pe.py, tools/stick.py and packaging/deb.
.PHONY: install uninstall esp sign deb
PREFIX ?= /usr/local
# What is installed: PROGRAM=obj/nestor-signed.efi for that one.
PROGRAM ?= $O/nestor.efi
LIB_DIR = $(DESTDIR)$(PREFIX)/lib/nestor
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
BASH_DIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# Where nestor-install notes which partition it used.
STATE_DIR = $(DESTDIR)/var/lib/nestor
NESTOR_INSTALL = NESTOR_STATE=$(STATE_DIR) $(LIB_DIR)/nestor-install

TEST_NEEDS += $O/nestor.conf.sample $O/nestor.conf.5
$O/nestor.conf.sample: $O/nestor-conf
	$O/nestor-conf --sample >$@
$O/nestor.conf.5: $O/nestor-conf
	$O/nestor-conf --manual >$@

INSTALLED = $(PROGRAM) $(CTL) $O/nestor.conf.sample $O/nestor.conf.5
install: $(INSTALLED) ## to PREFIX; with ESP=DIR also there and into the boot menu, ONCE=1: once
	install -d $(LIB_DIR) $(MAN_DIR)/man5 $(MAN_DIR)/man8 $(BASH_DIR)
	install -m 644 $(PROGRAM) $(LIB_DIR)/nestor.efi
	install -m 644 $O/nestor.conf.sample $(LIB_DIR)
	install -m 755 packaging/nestor-install $(LIB_DIR)
	install -m 755 -s $O/nestorctl $(LIB_DIR)
	install -m 644 $O/nestorctl.efi $(LIB_DIR)
	install -m 644 $O/nestor.conf.5 $(MAN_DIR)/man5
	install -m 644 packaging/nestor-install.8 tools/nestorctl/nestorctl.8 $(MAN_DIR)/man8
	install -m 644 tools/nestorctl/completion.bash $(BASH_DIR)/nestorctl
	$(if $(ESP),$(NESTOR_INSTALL) --esp $(DESTDIR)$(ESP) $(if $(ONCE),--once) $(if $(DESTDIR),--no-entry))

uninstall: ## what `make install` brought, the boot entry included
	if [ -e $(STATE_DIR)/esp ]; then $(NESTOR_INSTALL) --remove $(if $(DESTDIR),--no-entry); fi
	rm -f $(addprefix $(LIB_DIR)/,nestor.efi nestor.conf.sample nestor-install nestorctl nestorctl.efi)
	rm -f $(BASH_DIR)/nestorctl $(MAN_DIR)/man5/nestor.conf.5 $(addprefix $(MAN_DIR)/man8/,nestor-install.8 nestorctl.8)
	[ ! -d $(LIB_DIR) ] || rmdir $(LIB_DIR)

# With CONFIG=FILE the configuration is part of what is signed, and no file beside the program is looked at.
sign: $O/nestor.efi $O/nestor-conf ## obj/nestor-signed.efi, by KEY=FILE CERT=FILE (PEM), with CONFIG=FILE embedded
	@[ -n "$(KEY)" ] && [ -n "$(CERT)" ] || { echo "make sign KEY=FILE CERT=FILE [CONFIG=FILE]"; exit 1; }
	@command -v sbsign >/dev/null || { echo "make sign needs sbsign, of the package sbsigntool"; exit 1; }
	$(if $(CONFIG),$O/nestor-conf $(CONFIG))
	cp $O/nestor.efi $O/nestor-unsigned.efi
	tools/pe.py $O/nestor-unsigned.efi $(if $(CONFIG),.config=$(CONFIG))
	sbsign --key $(KEY) --cert $(CERT) --output $O/nestor-signed.efi $O/nestor-unsigned.efi

esp: $(PROGRAM) $O/nestor.conf.sample ## obj/nestor-stick.img: an image for a USB stick that boots
	tools/stick.py $O/nestor-stick.img $(PROGRAM) $O/nestor.conf.sample

deb: ## obj/nestor_VERSION_amd64.deb
	rm -rf $O/deb
	$(MAKE) install DESTDIR=$(CURDIR)/$O/deb PREFIX=/usr ESP=
	packaging/deb $O/deb $O
