# SPDX-License-Identifier: GPL-2.0
#
# Read twice: by kbuild, in a kernel tree or outside, and by make itself for the
# short commands, which `make help` lists.

ifneq ($(KERNELRELEASE),)

ifneq ($(KBUILD_EXTMOD),)
CONFIG_MSI_ROUTE ?= m
endif

obj-$(CONFIG_MSI_ROUTE) += msi-route.o
# kbuild writes - as _ in the module's name: it is msi_route.
msi-route-y := msi_route.o
msi-route-y += $(addprefix function/, access.o cap.o counters.o debugfs.o function.o gate.o \
	grant.o ims.o mmio.o msi.o msix.o observe.o state.o)
msi-route-y += $(addprefix route/, block.o changes.o eventfd.o hold.o message.o route.o \
	trace.o vector.o vlapic.o)
msi-route-$(CONFIG_MSI_ROUTE_KUNIT_TEST) += $(addprefix tests/, fake.o changes_kunit.o \
	delivery_kunit.o function_kunit.o grant_kunit.o hold_kunit.o ims_kunit.o \
	message_kunit.o msi_kunit.o msix_kunit.o route_kunit.o state_kunit.o storm_kunit.o)
# <trace/define_trace.h> includes trace.h again, and needs its directory.
CFLAGS_route/trace.o := -I$(src)

# A build that the tests can break on purpose: see mutate.h.
ifneq ($(MSI_ROUTE_MUTATIONS),)
msi-route-y += mutate.o
ccflags-y += -DMSI_ROUTE_MUTATIONS
endif

# Features that compat.h asks for: $(call mr-has,FILE,WORD,MACRO).
# Documentation/upstreaming/make-patch looks for them, too.
mr-has = $(if $(shell grep -sw $(2) $(1)),-D$(3))
ccflags-y += $(call mr-has,$(srctree)/include/linux/hrtimer.h,hrtimer_setup,MR_HAVE_HRTIMER_SETUP)
ccflags-y += $(call mr-has,$(srctree)/include/linux/wait.h,add_wait_queue_priority_exclusive,MR_HAVE_PRIORITY_EXCLUSIVE)
ccflags-y += $(call mr-has,$(srctree)/include/linux/eventfd.h,'eventfd_signal(struct eventfd_ctx .ctx)',MR_HAVE_EVENTFD_SIGNAL_ONE)
ccflags-y += $(call mr-has,$(srctree)/arch/x86/include/asm/kvm_host.h,'struct kvm_apic_map {',MR_HAVE_APIC_MAP)
ccflags-y += $(call mr-has,$(srctree)/arch/x86/include/asm/kvm_host.h,kvm_apic_logical_mode,MR_HAVE_APIC_LOGICAL_MODE)
ccflags-y += $(call mr-has,$(srctree)/include/linux/mm.h,vm_flags_mod,MR_HAVE_VM_FLAGS_MOD)
ifneq ($(KBUILD_EXTMOD),)
# Exported to all modules: an export for some of them ends with their names.
ccflags-y += $(call mr-has,$(objtree)/Module.symvers,'.*\<file_is_kvm\>.*EXPORT_SYMBOL_GPL\s*$$',MR_HAVE_FILE_IS_KVM)
# modinfo shows the package's version.
mr-version := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' $(src)/dkms.conf)
CFLAGS_msi_route.o += $(if $(mr-version),-DMR_VERSION=\"$(mr-version)\")
endif

else

KDIR ?= /lib/modules/$(shell uname -r)/build

modules clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

# Distributions do not give away the key that signs modules: without it, do not sign.
modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@ \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

.DEFAULT_GOAL := modules

# The release as uname prints it there.  Debian's headers call it by another name.
kernel = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)

# An earlier version called the file msi_route.ko.  DKMS keeps its own.
modules-dir = $(INSTALL_MOD_PATH)/lib/modules/$(or $(kernel),$(error no kernel in $(KDIR)))
remove-module = find $(modules-dir) \( $(1) \) ! -path '*/dkms/*' -delete

# As root, without a package.  packaging/Makefile installs all but the module.
install: modules_install
	$(call remove-module,-name 'msi_route.ko*')
	depmod $(kernel)
	$(MAKE) -C packaging install
	-udevadm control --reload

uninstall:
	$(MAKE) -C packaging uninstall
	$(call remove-module,-name 'msi-route.ko*' -o -name 'msi_route.ko*')
	depmod $(kernel)

deb:
	./packaging/deb $(CURDIR)

# For everybody else's packages
dist:
	./packaging/dist $(CURDIR)

# Installs what is missing, then runs the tests.  For any Debian machine.
check:
	./selftests/check

check-full:
	./selftests/check --full

# What check-full does beyond check.
check-long:
	./selftests/check --long

# check-STEP runs one step; selftests/check lists the steps.
check-%:
	./selftests/check $*

# On this machine's own KVM, as root.
check-host:
	./selftests/host

bench-host:
	./selftests/host --bench

demo:
	./demo/run

demo-vfio:
	./integration/linux-guest/demo

bench:
	./selftests/bench/run

shell:
	./selftests/lab/run --shell

# Installs what is missing, and prints where the first page is.
docs:
	./Documentation/build

help:
	@echo 'Build, against KDIR ($(KDIR)):'
	@echo '  make [W=1] [C=2]      msi-route.ko'
	@echo '  make install          install it, header, rule and so on, as root'
	@echo '  make uninstall        remove all that'
	@echo '  make clean            remove what was built'
	@echo 'On any Debian machine; they install and download what they need, and keep it in'
	@echo '~/.cache. (What the first time takes, one after the other in this order, on a new'
	@echo 'machine of two processors that emulates the host; README.md has the releases.)'
	@echo '  make demo             a stock guest, with msi_route and without'
	@echo '                        (9 to 12 min, of which QEMU is built in 8; 300 to 900 MB)'
	@echo '  make demo-vfio        an NVMe of a host that has few vectors left, and two guests'
	@echo '                        (what make demo downloads, and two small guest kernels)'
	@echo '  make check            the tests (35 min; 400 to 900 MB more)'
	@echo '  make check-full       the tests, and those that take long (80 min)'
	@echo '  make check-long       those that take long (60 min)'
	@echo '  make check-STEP       one step of them: selftests/check --help names them, and'
	@echo '                        Documentation/verification.rst has the time of each'
	@echo '  make check-floors     which file calls which, and that none calls upwards'
	@echo '  make check-lists      each counter, reason and feature is known where it must be'
	@echo '  make bench            costs beside those of KVM alone, and the goals'
	@echo '                        (what make demo downloads, and gnuplot)'
	@echo 'On a KVM host of your own, of any distribution, as root; they leave it as it was:'
	@echo '  make check-host       the tests, without an emulator, and a file to send in'
	@echo '  make bench-host       the benchmark, in times that count, and a file to send in'
	@echo 'And further:'
	@echo '  make shell            a KVM host with the module, to look around'
	@echo '                        (1 min; a kernel and QEMU, a part of what make demo downloads)'
	@echo '  make docs             the documentation as HTML, and where it is'
	@echo '                        (2 min; Sphinx, and the source of a kernel: 140 MB)'
	@echo '  make deb              the Debian package, which does what make install does, by DKMS'
	@echo '                        (what packages and manual pages are made with, and the source'
	@echo '                        of a kernel)'
	@echo '  make dist             the source tarball, which rpmbuild, makepkg and Nix take'

.PHONY: modules modules_install clean install uninstall deb dist check check-full \
	check-long check-host bench-host demo demo-vfio bench shell docs help

endif
