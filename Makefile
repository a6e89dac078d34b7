# SPDX-License-Identifier: GPL-2.0
#
# Read twice: by kbuild, in a kernel tree or out of it, and by make itself for
# the short commands.  `make help` lists those.

ifneq ($(KERNELRELEASE),)

ifneq ($(KBUILD_EXTMOD),)
CONFIG_MSI_ROUTE ?= m
endif

obj-$(CONFIG_MSI_ROUTE) += msi_route.o
msi_route-y := changes.o debugfs.o device.o function.o grant.o ims.o msix.o msi.o \
	       message.o observe.o route.o state.o trace.o trap.o trigger.o vectors.o vlapic.o
msi_route-$(CONFIG_MSI_ROUTE_KUNIT_TEST) += fake_kunit.o message_kunit.o msix_kunit.o \
	msi_kunit.o function_kunit.o route_kunit.o storm_kunit.o changes_kunit.o \
	state_kunit.o grant_kunit.o ims_kunit.o
# <trace/define_trace.h> includes trace.h once more, from wherever it is.
CFLAGS_trace.o := -I$(src)

# A build that can be broken on purpose: see mutate.h.
ifneq ($(MSI_ROUTE_MUTATIONS),)
msi_route-y += mutate.o
ccflags-y += -DMSI_ROUTE_MUTATIONS
endif

# Features that compat.h asks for: $(call mr-has,FILE,WORD,MACRO). They are what
# Documentation/upstreaming/make-patch looks for, too.
mr-has = $(if $(shell grep -sw $(2) $(1)),-D$(3))
ccflags-y += $(call mr-has,$(srctree)/include/linux/hrtimer.h,hrtimer_setup,MR_HAVE_HRTIMER_SETUP)
ccflags-y += $(call mr-has,$(srctree)/include/linux/wait.h,add_wait_queue_priority_exclusive,MR_HAVE_PRIORITY_EXCLUSIVE)
ccflags-y += $(call mr-has,$(srctree)/include/linux/eventfd.h,'eventfd_signal(struct eventfd_ctx .ctx)',MR_HAVE_EVENTFD_SIGNAL_ONE)
ccflags-y += $(call mr-has,$(srctree)/arch/x86/include/asm/kvm_host.h,'struct kvm_apic_map {',MR_HAVE_APIC_MAP)
ccflags-y += $(call mr-has,$(srctree)/arch/x86/include/asm/kvm_host.h,kvm_apic_logical_mode,MR_HAVE_APIC_LOGICAL_MODE)
ccflags-y += $(call mr-has,$(srctree)/include/linux/mm.h,vm_flags_mod,MR_HAVE_VM_FLAGS_MOD)
ifneq ($(KBUILD_EXTMOD),)
# For all modules: what is for some of them has their names behind it.
ccflags-y += $(call mr-has,$(objtree)/Module.symvers,'.*\<file_is_kvm\>.*EXPORT_SYMBOL_GPL\s*$$',MR_HAVE_FILE_IS_KVM)
# What modinfo says is the version of the package.
mr-version := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' $(src)/dkms.conf)
CFLAGS_device.o += $(if $(mr-version),-DMR_VERSION=\"$(mr-version)\")
endif

else

KDIR ?= /lib/modules/$(shell uname -r)/build

modules clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

# Distributions keep the key that signs their modules; without one nothing is signed.
modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@ \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

.DEFAULT_GOAL := modules

# What uname says there; Debian's headers are told it by another name.
kernel = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)

# As root, without a package; packaging/Makefile has what there is besides.
install: modules_install
	depmod $(kernel)
	$(MAKE) -C packaging install
	-udevadm control --reload

uninstall:
	$(MAKE) -C packaging uninstall
	find /lib/modules/$(kernel) -name 'msi_route.ko*' ! -path '*/dkms/*' -delete
	depmod $(kernel)

deb:
	./packaging/deb $(CURDIR)

# Installs what is missing, then runs the tests: on any Debian machine.
check:
	./selftests/check

check-full:
	./selftests/check --full

# What check-full has besides.
check-long:
	./selftests/check --long

# One step, check-STEP; selftests/check lists them.
check-%:
	./selftests/check $*

demo:
	./demo/run

bench:
	./selftests/bench/run

shell:
	./selftests/lab/run --shell

help:
	@echo 'Build, against KDIR ($(KDIR)):'
	@echo '  make [W=1] [C=2]      msi_route.ko'
	@echo '  make install          install it, header, rule and so on, as root'
	@echo '  make uninstall        remove all that'
	@echo '  make clean            remove what was built'
	@echo 'On any Debian machine; they install what they need:'
	@echo '  make deb              the Debian package, which does all that by DKMS'
	@echo '  make demo             a stock guest, with msi_route and without'
	@echo '  make check            the tests'
	@echo '  make check-full       the tests, and those that take long'
	@echo '  make check-long       those that take long'
	@echo '  make check-STEP       one step of them: selftests/check --help names them'
	@echo '  make bench            costs beside those of KVM alone, and the goals'
	@echo '  make shell            a KVM host with the module, to look around'

.PHONY: modules modules_install clean install uninstall deb check check-full \
	check-long demo bench shell help

endif
