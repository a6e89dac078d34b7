/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's 256 interrupt gates. */

	.text
	.code64

/*
 * One stub of 16 bytes a vector.  Of the exceptions 8 and 10 to 14 the CPU
 * pushes an error code; an interrupt never has one, whatever its vector, so
 * the stubs from 16 on push the missing slot themselves.
 */
	.globl	guest_stubs
	.balign	16
guest_stubs:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14))
	pushq	$0
	.endif
	.byte	0x68			/* pushq with a 32-bit operand */
	.long	vector
	jmp	guest_common
	vector = vector + 1
	.endr

/*
 * The CPU's frame (5 words), ours (2) and the registers that a C function may
 * change (9) keep the stack aligned to 16 bytes.
 */
	.balign	16
guest_common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	cld
	movq	72(%rsp), %rdi		/* vector */
	movq	88(%rsp), %rsi		/* RIP */
	call	guest_interrupt
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
