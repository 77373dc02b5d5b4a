#include "textflag.h"

// void *noFile(void): NULL.
TEXT noFile<>(SB), NOSPLIT|NOFRAME, $0
	XORL AX, AX
	RET

DATA ·noFile(SB)/8, $noFile<>(SB)
GLOBL ·noFile(SB), NOPTR|RODATA, $8
