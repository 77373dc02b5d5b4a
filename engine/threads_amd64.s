#include "textflag.h"

// int withoutAccount(int version, const char *path, struct stat *buf): -1 where path begins with "/proc/t", else realStat's answer.
TEXT withoutAccount<>(SB), NOSPLIT|NOFRAME, $0
	CMPB 0(SI), $'/'
	JNE  other
	CMPB 1(SI), $'p'
	JNE  other
	CMPB 2(SI), $'r'
	JNE  other
	CMPB 3(SI), $'o'
	JNE  other
	CMPB 4(SI), $'c'
	JNE  other
	CMPB 5(SI), $'/'
	JNE  other
	CMPB 6(SI), $'t'
	JNE  other
	MOVL $-1, AX
	RET

other:
	MOVQ ·realStat(SB), AX
	JMP  AX

DATA ·withoutAccount(SB)/8, $withoutAccount<>(SB)
GLOBL ·withoutAccount(SB), NOPTR|RODATA, $8
