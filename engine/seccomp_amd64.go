package engine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// forbiddenHere are the older forms that this architecture has beside the others'.
func forbiddenHere() []uint32 {
	return []uint32{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_MKNOD, unix.SYS_IOPL,
		unix.SYS_IOPERM, unix.SYS_MODIFY_LDT}
}
