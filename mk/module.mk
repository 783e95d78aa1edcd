# What a module.mk may set:
#
#   MODULE := kernel/mm        the folder (must match where the file lies)
#   SRCS   := buddy.c slab.c   sources that go into the kernel (.c and .S)
#   DEPS   := lib kernel/sync  modules whose include/ folders the sources may use (lint checks for cycles)
#   X86    := io.h cpuid.h     headers <x86/...> that the sources use although the module does not depend on kernel/arch/x86_64: it
#                              stands above most of those who need the processor's own instructions (checked by lint)
#   HOST_SRCS := buddy.c slab.c  sources that also compile on the host, for unit tests (default: none)
#   TESTS  := buddy slab       host tests: test/buddy_test.c, test/slab_test.c
#   FUZZ   := cpio             libFuzzer targets: test/cpio_fuzz.c
#   FLAGS_kernel/mm/x.c := …   more flags for one source
#   SELFTEST := mm_selftest.c  in-kernel self-tests and benchmarks, in test/; they run in the whole kernel and may
#                              use every module
#
# Only the include/ folders of DEPS (and the module's own folder) are on the compiler's path, so using
# an undeclared module does not compile.

modules :=

define load_module
MODULE :=
SRCS :=
DEPS :=
X86 :=
HOST_SRCS :=
TESTS :=
FUZZ :=
SELFTEST :=
include $(1)
ifneq ($$(MODULE),$(patsubst %/module.mk,%,$(1)))
$$(error $(1): MODULE is '$$(MODULE)')
endif
modules += $$(MODULE)
$$(MODULE)_deps := $$(DEPS)
$$(MODULE)_x86 := $$(X86)
$$(MODULE)_srcs := $$(call existing,$$(addprefix $$(MODULE)/,$$(SRCS)))
$$(MODULE)_selftests := $$(call existing,$$(addprefix $$(MODULE)/test/,$$(SELFTEST)))
$$(MODULE)_host := $$(call existing,$$(addprefix $$(MODULE)/,$$(HOST_SRCS)))
$$(MODULE)_tests := $$(call existing,$$(patsubst %,$$(MODULE)/test/%_test.c,$$(TESTS)))
$$(MODULE)_fuzz := $$(call existing,$$(patsubst %,$$(MODULE)/test/%_fuzz.c,$$(FUZZ)))
endef

# A listed source that is not there yet is left out with a warning, so that parts can be written side by side.
missing_sources :=
existing = $(foreach f,$(1),$(or $(wildcard $(f)),$(eval missing_sources += $(f))))

# include_flags MODULE: what its sources may include.
# The processor-dependent half of <arch/...> comes from one of two folders.
include_flags = -I$(1) -I$(1)/include $(foreach d,$($(1)_deps),-I$(d)/include)
kernel_include_flags = $(call include_flags,$(1)) -Ikernel/arch/x86_64/include -Itest/include
selftest_include_flags = $(call kernel_include_flags,$(1)) $(modules:%=-I%/include)
host_include_flags = -Ikernel/arch/host/include $(call include_flags,$(1)) -Ikernel/arch/x86_64/include -Itest/include

# objects TREE,SOURCES: where their objects lie. context.c and context.S may stand side by side.
objects = $(patsubst %.S,$(1)/%.S.o,$(patsubst %.c,$(1)/%.o,$(2)))

# $(eval $(call compile_rule,TREE,SOURCES,COMPILER AND FLAGS)): how to make them. Changed flags rebuild everything.
# SOURCES must have one suffix.
define compile_rule
$(if $(strip $(2)),
$(call objects,$(1),$(2)): $(1)/%$(if $(filter %.S,$(2)),.S).o: %$(suffix $(firstword $(2))) Makefile mk/flags.mk
	@mkdir -p $$(@D)
	$$(call say,$(word 1,$(3)),$$<)
	$(Q)$(3) $$(FLAGS_$$<) -MMD -MP -c $$< -o $$@)
endef
