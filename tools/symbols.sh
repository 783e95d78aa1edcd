#!/bin/sh
# From `nm -n KERNEL` on standard input, makes the assembler source of the kernel's own table of functions, with which
# panic and the profiler turn addresses into names. In C:
#
#     extern const uint32_t kernel_symbol_count;
#     extern const uint32_t kernel_symbol_addresses[];   sorted; offset from 0xffffffff80000000
#     extern const uint32_t kernel_symbol_names[];       where each name starts in kernel_symbol_strings
#     extern const char kernel_symbol_strings[];         the names, each ended by a NUL
#
# The kernel is linked twice: without the table, in which all four are weak and absent, and with it. The table lies
# behind the code, so that the second link moves no function.
exec awk '
	BEGIN {
		count = offset = 0
		print ".section .rodata.symbols, \"a\""
		print ".balign 4"
	}
	# The upper 2 GiB only: the code that runs before paging has no name here. Of several names, the first is enough,
	# unless it is only a mark of the linker script.
	$3 ~ /^__.*_(start|end)$/ { next }
	$2 ~ /^[tTwW]$/ && $1 ~ /^ffffffff[89a-f]/ && $1 != last {
		last = $1
		address[count] = substr($1, 9)
		name[count++] = $3
	}
	END {
		label("kernel_symbol_count")
		print ".long " count
		label("kernel_symbol_addresses")
		for (i = 0; i < count; i++)
			print ".long 0x" address[i] " - 0x80000000"
		label("kernel_symbol_names")
		for (i = 0; i < count; i++) {
			print ".long " offset
			offset += length(name[i]) + 1
		}
		label("kernel_symbol_strings")
		for (i = 0; i < count; i++)
			print ".asciz \"" name[i] "\""
		print ".section .note.GNU-stack, \"\", @progbits"
	}
	function label(symbol) {
		print ".globl " symbol
		print ".type " symbol ", @object"
		print symbol ":"
	}
'
