package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File access rights by the Landlock ABI that brought them, as landlock(7) and the kernel's
// Documentation/userspace-api/landlock.rst have them.
const (
	landlockFS1 = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // all of the first ABI

	// A file has these only; the others are a directory's.
	landlockOfFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	canReadFile = unix.LANDLOCK_ACCESS_FS_READ_FILE // and list no directory
	canExec     = canReadFile | unix.LANDLOCK_ACCESS_FS_EXECUTE
	canWrite    = canReadFile | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER
)

// landlockLeast is the first ABI that can be used (Linux 5.19). Under the one before, a file can be linked or renamed
// into no other directory at all, which ClickHouse does with parts in mutations, REPLACE PARTITION and broken parts.
const landlockLeast = 2

// landlockABI is the kernel's: 0 where it has none, or one that cannot be used.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || abi < landlockLeast {
		return 0
	}
	return int(abi)
}

// landlockRights is what a ruleset of the ABI can take away: everything it knows.
func landlockRights(abi int) unix.LandlockRulesetAttr {
	a := unix.LandlockRulesetAttr{Handled_access_fs: landlockFS1 | unix.LANDLOCK_ACCESS_FS_REFER}
	if abi >= 3 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 5 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// landlockMissing names what an ABI cannot hold and seccomp does not hold in its place.
func landlockMissing(abi int) []string {
	var missing []string
	if abi < 5 {
		missing = append(missing, "ioctl of devices")
	}
	if abi < 6 {
		missing = append(missing, "abstract Unix sockets")
	}
	return missing
}

// allowance is one thing that stays allowed. What does not exist needs none.
type allowance struct {
	path   string
	access uint64
}

// landlock makes a ruleset that takes all access to files, TCP ports, signals and abstract sockets, but for what is
// allowed.
func landlock(abi int, allowed []allowance) (*os.File, error) {
	attr := landlockRights(abi)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr),
		0)
	if errno != 0 {
		return nil, fmt.Errorf("make a Landlock ruleset: %w", errno)
	}
	ruleset := os.NewFile(fd, "ruleset")
	for _, a := range allowed {
		if err := allow(int(fd), a, attr.Handled_access_fs); err != nil {
			ruleset.Close()
			return nil, err
		}
	}
	return ruleset, nil
}

// restrict puts the calling thread under the ruleset, and what it executes later. The thread must have no_new_privs.
func restrict(ruleset *os.File) error {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset.Fd(), 0, 0); errno != 0 {
		return fmt.Errorf("enforce the Landlock ruleset: %w", errno)
	}
	return nil
}

func allow(ruleset int, a allowance, handled uint64) error {
	fd, err := unix.Open(a.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "allow", Path: a.path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "allow", Path: a.path, Err: err}
	}
	access := a.access & handled
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landlockOfFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return &os.PathError{Op: "allow", Path: a.path, Err: errno}
	}
	return nil
}
