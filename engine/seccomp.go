package engine

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidden system calls are those by which a process reaches beyond itself: new sockets (the listeners are open
// already), other programs, other processes, the kernel. Files are Landlock's to hold. The rest passes: a list of all
// that ClickHouse needs would break with every version of it and of the C library.
func forbidden() []uint32 {
	return append([]uint32{
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN,
		unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_UNSHARE, unix.SYS_SETNS,
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_KCMP,
		unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_TKILL,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_MOUNT_SETATTR,
		unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_QUOTACTL,
		unix.SYS_QUOTACTL_FD,
		unix.SYS_FCHOWNAT, unix.SYS_FCHOWN, unix.SYS_MKNODAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR,
		unix.SYS_SETXATTRAT,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		unix.SYS_KEYCTL,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
		unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_VHANGUP,
	}, forbiddenHere()...)
}

// absent system calls fail as on a kernel without them, and callers then go another way: io_uring does what the
// filter forbids, clone3 keeps its flags where a filter cannot read them.
func absent() []uint32 {
	return []uint32{unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_CLONE3}
}

// newest is the last system call that the lists above were made with. Those that come later are absent.
const newest = unix.SYS_RSEQ_SLICE_YIELD

// Offsets in struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6].
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16 // the low half: both architectures are little-endian
)

// filter is the program of classic BPF that the kernel asks about each system call of the process pid.
func filter(pid int) []unix.SockFilter {
	const (
		allow  = unix.SECCOMP_RET_ALLOW
		denied = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		none   = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	ret := func(what uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what} }
	// unless jumps over the next n instructions where the comparison does not hold.
	unless := func(comparison uint16, k uint32, n uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | comparison, K: k, Jf: n}
	}
	p := []unix.SockFilter{
		load(dataArch),
		{Code: unix.BPF_JMP | unix.BPF_K | unix.BPF_JEQ, K: auditArch, Jt: 1},
		ret(unix.SECCOMP_RET_KILL_PROCESS), // int 0x80: the same numbers mean other calls
		load(dataNumber),
		unless(unix.BPF_JGT, newest, 1), ret(none), // also x32's numbers, which have bit 30 set
	}
	for _, nr := range absent() {
		p = append(p, unless(unix.BPF_JEQ, nr, 1), ret(none))
	}
	for _, nr := range forbidden() {
		p = append(p, unless(unix.BPF_JEQ, nr, 1), ret(denied))
	}
	// Threads, no processes.
	p = append(p, unless(unix.BPF_JEQ, unix.SYS_CLONE, 4), load(dataArg0), unless(unix.BPF_JSET, unix.CLONE_THREAD, 1),
		ret(allow), ret(denied))
	// Signals to ourselves.
	for _, nr := range []uint32{unix.SYS_KILL, unix.SYS_TGKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO} {
		p = append(p, unless(unix.BPF_JEQ, nr, 4), load(dataArg0), unless(unix.BPF_JEQ, uint32(pid), 1), ret(allow),
			ret(denied))
	}
	return append(p, ret(allow))
}

// seccomp puts the filter on all threads of the process, and those to come. The process must have no_new_privs.
func seccomp() error {
	p := filter(os.Getpid())
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	// Without SPEC_ALLOW, kernels before 5.16 slow the whole process down for the sake of filters that guard against
	// its own code.
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC|unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("filter system calls: thread %d does not take the filter", thread)
	}
	return nil
}

// seccompABI tells whether the kernel has what seccomp needs.
func seccompABI() bool {
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS) // Linux 4.14
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0
}
