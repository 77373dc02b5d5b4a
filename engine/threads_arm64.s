#include "textflag.h"

// int withoutAccount(int version, const char *path, struct stat *buf): -1 where path begins with "/proc/t", else realStat's answer.
TEXT withoutAccount<>(SB), NOSPLIT|NOFRAME, $0
	MOVBU 0(R1), R9
	CMPW  $'/', R9
	BNE   other
	MOVBU 1(R1), R9
	CMPW  $'p', R9
	BNE   other
	MOVBU 2(R1), R9
	CMPW  $'r', R9
	BNE   other
	MOVBU 3(R1), R9
	CMPW  $'o', R9
	BNE   other
	MOVBU 4(R1), R9
	CMPW  $'c', R9
	BNE   other
	MOVBU 5(R1), R9
	CMPW  $'/', R9
	BNE   other
	MOVBU 6(R1), R9
	CMPW  $'t', R9
	BNE   other
	MOVD  $-1, R0
	RET

other:
	MOVD ·realStat(SB), R9
	JMP  (R9)

DATA ·withoutAccount(SB)/8, $withoutAccount<>(SB)
GLOBL ·withoutAccount(SB), NOPTR|RODATA, $8
