# Programs for this machine's Linux and for Exo-OS alike: static, with musl. And the outer halves of `./exo run`.

USER_CC := musl-gcc
user_flags := -static -O2 -g -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE
user_tests := $(patsubst %.c,$(BUILD)/%,$(wildcard test/user/*.c))

$(BUILD)/run-guest: tools/run/guest.c tools/run/frames.h
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(user_flags) $< -o $@

$(BUILD)/run-host: tools/run/frames.h
$(BUILD)/run-%: tools/run/%.c
	$(Q)mkdir -p $(@D)
	$(Q)gcc -O2 -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE $< -o $@

$(BUILD)/test/user/%: test/user/%.c $(wildcard test/user/*.h)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(user_flags) $< -o $@ -lpthread

$(BUILD)/user-bench: $(wildcard bench/*.c) $(wildcard bench/*.h)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(user_flags) $(filter %.c,$^) -o $@

$(BUILD)/user-tiny: bench/tiny.S
	$(Q)mkdir -p $(@D)
	$(Q)gcc -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack $< -o $@

$(BUILD)/user-firmware: bench/firmware.S
	$(Q)mkdir -p $(@D)
	$(Q)gcc -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-Ttext=0x200000 $< -o $@

# The plugin that ./exo bench --profile counts with.
$(BUILD)/profile/count.so: tools/profile/count.c
	$(Q)mkdir -p $(@D)
	$(Q)gcc -O2 -std=gnu17 -Wall -Wextra -Werror -fPIC -shared $< -o $@

user-tests: $(user_tests)
.PHONY: user-tests
