# Host unit tests: kernel sources compiled for this machine under ASan and UBSan, with kernel/arch/host in
# place of the processor. All modules go into one archive; a test links what it needs and may replace any of it.
# Fuzz targets are the same sources once more, always with clang.

FUZZ_TREE := $(BUILD)/fuzz
host_cc := $(CC)
fuzz_cc := clang

define host_module
$(call compile_rule,$(HOST),$($(1)_host) $($(1)_tests),$(host_cc) $(host_flags) $(call host_include_flags,$(1)))
$(call compile_rule,$(FUZZ_TREE),$($(1)_host) $($(1)_fuzz),$(fuzz_cc) $(fuzz_flags) $(call host_include_flags,$(1)))
host_objs += $(call objects,$(HOST),$($(1)_host))
host_tests += $(patsubst %.c,$(HOST)/%,$($(1)_tests))
fuzz_objs += $(call objects,$(FUZZ_TREE),$($(1)_host))
fuzz_targets += $(patsubst %.c,$(FUZZ_TREE)/%,$($(1)_fuzz))
endef
host_objs :=
host_tests :=
fuzz_objs :=
fuzz_targets :=
$(foreach m,$(modules),$(eval $(call host_module,$(m))))
$(eval $(call compile_rule,$(HOST),test/host/main.c,$(host_cc) $(host_flags) $(call host_include_flags,test)))

# q, not r: two modules may have a file of the same name. Listed last, so that a test's own function replaces one here.
define archive_rule
$(1)/libexo.a: $(2) Makefile
	$(Q)rm -f $$@ && ar qcsD $$@ $(2)
endef
$(eval $(call archive_rule,$(HOST),$(host_objs)))
$(eval $(call archive_rule,$(FUZZ_TREE),$(fuzz_objs)))

$(host_tests): %: %.o $(HOST)/test/host/main.o $(HOST)/libexo.a
	$(Q)$(host_cc) $(host_flags) $^ -o $@

$(fuzz_targets): %: %.o $(FUZZ_TREE)/libexo.a
	$(Q)$(fuzz_cc) $(fuzz_flags) -fsanitize=fuzzer $^ -o $@

# make host-test ONLY=name: only the tests whose names contain it.
host-test: $(host_tests)
	$(Q)ONLY='$(ONLY)' sh test/host/run.sh $(host_tests)

# make fuzz-test FUZZ_ONLY="cpio cmdline": only these.
fuzz_chosen = $(if $(FUZZ_ONLY),$(filter $(foreach n,$(FUZZ_ONLY),%/$(n)_fuzz),$(fuzz_targets)),$(fuzz_targets))
fuzz-test: $(fuzz_targets)
	$(Q)sh test/host/fuzz.sh $(fuzz_chosen)
fuzz-names:
	@echo $(patsubst %_fuzz,%,$(notdir $(fuzz_targets)))
.PHONY: host-test fuzz-test fuzz-names

.SECONDARY: $(addsuffix .o,$(host_tests) $(fuzz_targets))
-include $(host_objs:.o=.d) $(addsuffix .d,$(host_tests)) $(HOST)/test/host/main.d
-include $(fuzz_objs:.o=.d) $(addsuffix .d,$(fuzz_targets))
