# The vDSO: a shared object for user programs that the kernel carries (kernel/vdso). Reading the clock has a path for each line of it, which gcc shall
# not bring together again with jumps.

vdso_flags := $(common_flags) -O2 -DEXO_KERNEL=1 -DCONFIG_DEBUG=0 -ffreestanding -nostdinc -isystem $(compiler_includes) \
	-m64 -march=x86-64 -fPIC -fno-stack-protector -fno-asynchronous-unwind-tables -fvisibility=default -Wno-missing-prototypes \
	$(if $(is_clang),,-fno-crossjumping)

$(OUT)/kernel/vdso/image.so: kernel/vdso/image/vdso.c kernel/vdso/image/vdso.lds kernel/vdso/include/vdso/page.h \
		kernel/time/include/time/clock.h mk/vdso.mk mk/flags.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(vdso_flags) $(call kernel_include_flags,kernel/vdso) -shared -nostdlib -Wl,-s -Wl,-soname=linux-vdso.so.1 \
		-Wl,--hash-style=both -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,-T,kernel/vdso/image/vdso.lds \
		$< -o $@

$(call objects,$(OUT),kernel/vdso/image.S): $(OUT)/kernel/vdso/image.so
