#include "textflag.h"

// void *noFile(void): NULL.
TEXT noFile<>(SB), NOSPLIT|NOFRAME, $0
	MOVD $0, R0
	RET

DATA ·noFile(SB)/8, $noFile<>(SB)
GLOBL ·noFile(SB), NOPTR|RODATA, $8
