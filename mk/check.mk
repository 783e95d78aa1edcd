# Checks and reports that run nothing of the kernel.

# Every C source once, with the flags it is compiled with: for editors and clang-tidy. Kernel flags where a file has both.
json_lines = $(foreach f,$(1),$(file >>$(json),$(json_comma){"directory": "$(CURDIR)", "file": "$(f)",$(json_newline) \
	"command": "$(2) -c $(f)"})$(eval json_comma := ,))
define json_newline


endef
compile_commands.json $(BUILD)/tidy/compile_commands.json: FORCE
	$(shell mkdir -p $(@D))$(eval json := $@)$(eval json_comma :=)$(file >$@,[)
	$(foreach m,$(modules),$(call json_lines,$(filter %.c,$($(m)_srcs)),$(CC) $(kernel_flags) $(call kernel_include_flags,$(m))))
	$(foreach m,$(modules),$(call json_lines,$($(m)_selftests),$(CC) $(kernel_flags) $(call selftest_include_flags,$(m))))
	$(foreach m,$(modules),$(call json_lines,$(filter-out $($(m)_srcs),$($(m)_host)) $($(m)_tests) $($(m)_fuzz),$(CC) $(host_flags) $(call host_include_flags,$(m))))
	$(call json_lines,test/host/main.c,$(CC) $(host_flags) $(call host_include_flags,test))
	$(file >>$@,])@:

# One line a module: "kernel/mm: abi lib ...".
modules:
	$(foreach m,$(modules),$(info $(m): $($(m)_deps)))@:

# One line a module that may use headers <x86/...>: "drivers/vga: io.h", or "kernel: all".
x86-users:
	$(foreach m,$(modules),$(if $(filter kernel/arch/x86_64,$(m) $($(m)_deps)),$(info $(m): all),$(info $(m): $($(m)_x86))))@:

# make lint CHECKS="cppcheck tidy": only these.
# clang-tidy wants clang's warnings, whatever compiles the kernel.
lint:
	+$(Q)$(MAKE) -s --no-print-directory CC=clang $(BUILD)/tidy/compile_commands.json
	+$(Q)sh tools/lint.sh $(CHECKS)

shape:
	$(Q)sh tools/shape.sh

fmt:
	$(Q)sh tools/fmt.sh

.PHONY: modules x86-users lint shape fmt
