# The contract between the kernel and a processor: headers only. kernel/arch/x86_64 and kernel/arch/host fulfil it.
MODULE := kernel/arch
DEPS := abi lib
X86 := user_access.h user_copy.h
