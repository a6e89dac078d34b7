/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's 256 interrupt gates: 64-bit code, or 32-bit code in a program of 32 bits. */

	.text

/*
 * One stub of 16 bytes for each vector.  For the exceptions 8 and 10 to 14 the CPU pushes
 * an error code.  An interrupt never has one, whatever its vector, so the stubs from 16
 * on push the missing slot themselves.
 */
	.globl	guest_stubs
	.balign	16
guest_stubs:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14))
	push	$0
	.endif
	.byte	0x68			/* push with a 32-bit operand */
	.long	vector
	jmp	guest_common
	vector = vector + 1
	.endr

	.balign	16
#ifdef __x86_64__
/*
 * The CPU's frame (5 words), ours (2) and the registers that a C function may
 * change (9) keep the stack aligned to 16 bytes.
 */
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
#else
guest_common:
	pushl	%eax
	pushl	%ecx
	pushl	%edx
	cld
	pushl	20(%esp)		/* EIP */
	pushl	16(%esp)		/* vector */
	call	guest_interrupt
	addl	$8, %esp
	popl	%edx
	popl	%ecx
	popl	%eax
	addl	$8, %esp
	iretl
#endif

	.section .note.GNU-stack, "", @progbits
