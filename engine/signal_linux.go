package engine

import (
	"fmt"
	"syscall"
	"unsafe"
)

// handled are the signals for which chdb_connect puts handlers of its own in the place of Go's: ILL, TRAP, ABRT, BUS,
// FPE, SEGV, TSTP, SYS and 34. With those a nil dereference hangs the process. Go's written back, panics are as ever
// and the engine does not mind. Only these are touched, so that a signal.Notify at the same moment is not undone.
//
// The raw system call is used since Go keeps no way to read a handler, and libc's sigaction would wrap the restorer.
func handled() [9]int { return [...]int{4, 5, 6, 7, 8, 11, 20, 31, 34} }

// signals are the kernel's dispositions of the handled signals, in their order.
type signals [9]kernelSigaction

// kernelSigaction is struct kernel_sigaction (the same 32 bytes on amd64 and arm64).
type kernelSigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

func saveSignals() (*signals, error) {
	var s signals
	for i, sig := range handled() {
		if err := sigaction(sig, nil, &s[i]); err != nil {
			return nil, fmt.Errorf("read the handler of signal %d: %w", sig, err)
		}
	}
	return &s, nil
}

// restore writes the dispositions back.
func (s *signals) restore() error {
	for i, sig := range handled() {
		if err := sigaction(sig, &s[i], nil); err != nil {
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
