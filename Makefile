# Exo-OS, built by one non-recursive make. `./exo help` is the friendlier front door.
#
#   make                    the kernel, build/exo.elf      make CC=clang      the same with clang
#   make CONFIG=debug       the kernel with run-time checks
#   make host-test          unit tests on this machine     make fuzz-test     parsers against a fuzzer
#   make lint shape fmt compile_commands.json
#
# A folder joins the build with a module.mk of about ten lines; mk/module.mk says what it may hold.

# Read before the next line, which adds letters of its own.
is_silent := $(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS))))
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

CC      := gcc
CONFIG  ?= release
BUILD   ?= build
OUT     := $(BUILD)/$(CONFIG)-$(notdir $(CC))
HOST    := $(BUILD)/host-$(notdir $(CC))
Q       := $(if $(V),,@)
# say WHAT,FILE: one line for each thing made; make -s makes without a word.
say = $(if $(is_silent)$(V),,@echo "  $(1)  $(2)")

include mk/module.mk
include mk/flags.mk
$(foreach m,$(sort $(shell find $(wildcard abi boot drivers kernel lib posixx test tools) -name module.mk)),$(eval $(call load_module,$(m))))
$(if $(is_silent),,$(if $(missing_sources),$(info listed in a module.mk, but not there: $(sort $(missing_sources)))))
include mk/vdso.mk
include mk/kernel.mk
include mk/host.mk
include mk/user.mk
include mk/check.mk

all: $(BUILD)/exo.elf

clean:
	$(Q)rm -rf $(BUILD) compile_commands.json

.PHONY: all clean FORCE
