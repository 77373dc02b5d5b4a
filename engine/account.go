package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// account is whom the engine's process runs as when root starts it; nil: who starts it.
type account struct{ uid, gid int }

// accountFor returns the user of that name, where we are root, there is one, and the data is this user's: it is at a
// first start. The folders above are root's still, with a way through for the user's group.
func (d dir) accountFor(name string) (*account, error) {
	if os.Geteuid() != 0 || name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the engine's user: %w", err)
	}
	a := &account{}
	if a.uid, err = strconv.Atoi(u.Uid); err == nil {
		a.gid, err = strconv.Atoi(u.Gid)
	}
	if err != nil {
		return nil, fmt.Errorf("the engine's user %s: %w", name, err)
	}
	owner, err := ownerOf(d.data())
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(d.data(), 0o700); err == nil {
			err = os.Chown(d.data(), a.uid, a.gid)
		}
		owner = uint32(a.uid)
	}
	if err != nil {
		return nil, fmt.Errorf("the engine's data: %w", err)
	}
	if int(owner) != a.uid || a.uid == 0 {
		return nil, nil
	}
	return a, nil
}

// reach lets the account through to the data and to the file.
func (a *account) reach(d dir, state, file string) error {
	if a == nil {
		return nil
	}
	for path, mode := range map[string]os.FileMode{state: 0o710, d.path: 0o710, file: 0o640} {
		if err := errors.Join(os.Chown(path, -1, a.gid), os.Chmod(path, mode)); err != nil {
			return fmt.Errorf("let the engine's user through: %w", err)
		}
	}
	return nil
}

// become makes the calling thread the account's, and what it executes later. Root that stays root keeps one capability,
// for state directories below another user's; with no_new_privs it cannot get the others back. The system calls are
// made as they are: Go's own wrappers would change all threads.
func (a *account) become() error {
	if a == nil {
		if os.Geteuid() != 0 {
			return nil
		}
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		const keep = 1 << unix.CAP_DAC_OVERRIDE
		sets := [2]unix.CapUserData{{Effective: keep, Permitted: keep}}
		if err := unix.Capset(&h, &sets[0]); err != nil {
			return fmt.Errorf("drop capabilities: %w", err)
		}
		return nil
	}
	gid, uid := uintptr(a.gid), uintptr(a.uid)
	for _, c := range []struct {
		name       string
		number     uintptr
		a1, a2, a3 uintptr
	}{{"setgroups", unix.SYS_SETGROUPS, 0, 0, 0}, {"setresgid", unix.SYS_SETRESGID, gid, gid, gid},
		{"setresuid", unix.SYS_SETRESUID, uid, uid, uid}} {
		if _, _, errno := unix.RawSyscall(c.number, c.a1, c.a2, c.a3); errno != 0 {
			return fmt.Errorf("become the engine's user: %s: %w", c.name, errno)
		}
	}
	return nil
}
