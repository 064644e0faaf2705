// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func PlainReturns(n int64)
TEXT ·PlainReturns(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX

again:
	CALL plain<>(SB)
	DECQ CX
	JNZ  again
	RET

TEXT plain<>(SB), NOSPLIT|NOFRAME, $0-0
	RET

// func SafeReturns(n int64)
TEXT ·SafeReturns(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX

again:
	CALL through<>(SB)
	DECQ CX
	JNZ  again
	RET

// The way of srso_alias_return_thunk in arch/x86/lib/retpoline.S of Linux: the
// processor predicts a return to behind the call, and learns that it is not so.
TEXT through<>(SB), NOSPLIT|NOFRAME, $0-0
	JMP thunk<>(SB)

TEXT thunk<>(SB), NOSPLIT|NOFRAME, $0-0
	CALL safe<>(SB)
	INT  $3

TEXT safe<>(SB), NOSPLIT|NOFRAME, $0-0
	LEAQ 8(SP), SP
	RET
