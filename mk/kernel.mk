# The kernel: every module's sources, linked twice so that it carries its own symbol table.

kernel_script := kernel/arch/x86_64/kernel.lds

define kernel_module
$(call compile_rule,$(OUT),$(filter %.c,$($(1)_srcs)),$(CC) $(kernel_flags) $(call kernel_include_flags,$(1)))
$(call compile_rule,$(OUT),$(filter %.S,$($(1)_srcs)),$(CC) $(asm_flags) $(call kernel_include_flags,$(1)))
$(call compile_rule,$(OUT),$($(1)_selftests),$(CC) $(kernel_flags) $(call selftest_include_flags,$(1)))
kernel_objs += $(call objects,$(OUT),$($(1)_srcs) $($(1)_selftests))
endef
kernel_objs :=
$(foreach m,$(modules),$(eval $(call kernel_module,$(m))))

# Binutils' ld for both compilers: the script uses its features, and one linker is enough.
link = $(CC) -m64 -nostdlib -static $(if $(is_clang),,-no-pie) -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-T,$(kernel_script)

kernel: $(OUT)/exo.elf
.PHONY: kernel

$(OUT)/exo.pass1: $(kernel_objs) $(kernel_script) Makefile mk/flags.mk mk/kernel.mk
	$(Q)$(link) $(kernel_objs) -o $@

$(OUT)/symbols.S: $(OUT)/exo.pass1 tools/symbols.sh
	$(Q)nm -n $< | sh tools/symbols.sh > $@

$(OUT)/symbols.o: $(OUT)/symbols.S
	$(Q)$(CC) $(asm_flags) -c $< -o $@

# The table must describe the kernel it ends up in: no function may have moved.
$(OUT)/exo.elf: $(OUT)/exo.pass1 $(OUT)/symbols.o
	$(Q)$(link) $(kernel_objs) $(OUT)/symbols.o -o $@
	$(Q)nm -n $@ | sh tools/symbols.sh | cmp -s - $(OUT)/symbols.S || \
		{ echo "$@: adding the symbol table moved functions; it must lie behind the code"; exit 1; }
	$(call say,kernel,$@)

# Compared, not dated: building another CONFIG or CC in between must not leave the wrong kernel here.
$(BUILD)/exo.elf: $(OUT)/exo.elf FORCE
	$(Q)cmp -s $< $@ || cp $< $@

-include $(kernel_objs:.o=.d)

image: $(BUILD)/exo.iso
.PHONY: image

$(BUILD)/exo.iso: $(BUILD)/exo.elf tools/image.sh
	$(Q)sh tools/image.sh $< $@
	$(call say,image,$@)
