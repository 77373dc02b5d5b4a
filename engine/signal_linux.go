package engine

import (
	"fmt"
	"syscall"
	"unsafe"
)

// signals are the kernel's dispositions of all signals, as Go's runtime set them.
//
// chdb_connect puts handlers of its own in the place of Go's for SIGILL, TRAP, ABRT, BUS, FPE, SEGV, TSTP, SYS and 34; a nil
// dereference then hangs the process. Written back after it, Go's handlers serve as before and the engine does not mind. The
// raw system call is used since Go keeps no way to read a handler, and libc's sigaction would wrap the restorer.
type signals [65]kernelSigaction

// kernelSigaction is struct kernel_sigaction (the same 32 bytes on amd64 and arm64).
type kernelSigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

func saveSignals() (*signals, error) {
	var s signals
	for sig := 1; sig < len(s); sig++ {
		if err := sigaction(sig, nil, &s[sig]); err != nil {
			return nil, fmt.Errorf("read the handler of signal %d: %w", sig, err)
		}
	}
	return &s, nil
}

// restore writes back every disposition that differs from the saved one.
func (s *signals) restore() error {
	for sig := 1; sig < len(s); sig++ {
		var now kernelSigaction
		if err := sigaction(sig, nil, &now); err != nil {
			return fmt.Errorf("read the handler of signal %d: %w", sig, err)
		}
		if now == s[sig] {
			continue
		}
		if err := sigaction(sig, &s[sig], nil); err != nil {
			return fmt.Errorf("restore the handler of signal %d: %w", sig, err)
		}
	}
	return nil
}

func sigaction(sig int, set, old *kernelSigaction) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
