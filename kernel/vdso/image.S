/* The vDSO, built apart (mk/vdso.mk), as bytes of the kernel's image. */
	.section .rodata, "a"
	.balign 8
	.globl vdso_image, vdso_image_end
vdso_image:
	.incbin "kernel/vdso/image.so"
vdso_image_end:

	.section .note.GNU-stack, "", @progbits
