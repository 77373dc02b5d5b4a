package engine

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The engine runs behind walls of the kernel's: it has its data and the files that any ClickHouse needs, no new socket,
// no other program. Landlock is a thread's, and a Go program has many threads before its first line: so Serve opens
// what is outside (the lock, the listeners, the passwords), puts the walls around one thread and executes its own
// program anew there. The program comes to Serve again, which finds the handoff and goes on from there. seccomp can
// reach all threads, and is put on then, before the library is opened.

// walls are what the kernel has to confine the engine with.
type walls struct {
	Landlock int  // the ABI; 0: files are not confined
	Seccomp  bool // false: sockets, programs and other processes are not
}

func kernelWalls() walls { return walls{Landlock: landlockABI(), Seccomp: seccompABI()} }

// missing tells what they do not hold.
func (w walls) missing() []string {
	var missing []string
	if w.Landlock == 0 {
		missing = append(missing, "files (no Landlock, or one older than Linux 5.19's)")
	} else {
		missing = append(missing, landlockMissing(w.Landlock)...)
	}
	if !w.Seccomp {
		missing = append(missing, "sockets and programs (no seccomp)")
	}
	return missing
}

// whole says whether both walls stand, be it without their newest parts.
func (w walls) whole() bool { return w.Landlock > 0 && w.Seccomp }

// enter puts up the walls and executes the program anew. It returns only where that fails.
func (h *handoff) enter(d dir, runAs *account) error {
	if h.Walls.Landlock > 0 { // which does not hold what is open: a pipe that a shell has left in its children, say
		if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
			return fmt.Errorf("confine the engine: close_range: %w", err)
		}
	}
	file, err := h.write()
	if err != nil {
		return fmt.Errorf("confine the engine: %w", err)
	}
	defer file.Close()
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("confine the engine: %w", err)
	}
	var ruleset *os.File
	if h.Walls.Landlock > 0 {
		allowed, err := h.allowed(d, exe)
		if err == nil {
			ruleset, err = landlock(h.Walls.Landlock, allowed)
		}
		if err != nil {
			return fmt.Errorf("confine the engine: %w", err)
		}
		defer ruleset.Close()
	}
	env := append(os.Environ(), fmt.Sprintf("%s=%d", handoffVariable, file.Fd()))
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		failed <- h.execute(runAs, ruleset, exe, env)
	}()
	return fmt.Errorf("confine the engine: %w", <-failed)
}

// execute is enter's on its own thread.
func (h *handoff) execute(runAs *account, ruleset *os.File, exe string, env []string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := runAs.become(); err != nil {
		return err
	}
	if ruleset != nil {
		if err := restrict(ruleset); err != nil {
			return err
		}
	}
	for _, fd := range h.descriptors() {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("keep a descriptor open: %w", err)
		}
	}
	err := syscall.Exec(exe, os.Args, env)
	if errors.Is(err, unix.EACCES) { // the engine's user may not come by its path
		err = syscall.Exec("/proc/self/exe", os.Args, env)
	}
	return fmt.Errorf("execute %s anew: %w", exe, err)
}

// allowed is all of the file system that the engine has.
func (h *handoff) allowed(d dir, exe string) ([]allowance, error) {
	needed, err := sharedObjects(h.Library)
	if err != nil {
		return nil, err
	}
	all := []allowance{
		{d.data(), canWrite},
		{"/dev/null", canReadFile | unix.LANDLOCK_ACCESS_FS_WRITE_FILE},
		{exe, canExec},
	}
	for _, path := range []string{h.Config, "/dev/urandom", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo",
		// What the machine is like: cores, limits of memory. Without the cgroup's ClickHouse does not start.
		"/proc/stat", "/proc/sys/vm/overcommit_memory", "/sys/kernel/mm/transparent_hugepage",
		"/sys/devices/system/cpu",
		"/sys/fs/cgroup", "/proc/self/cgroup",
		"/proc/self/maps",  // glibc's pthread_getattr_np asks it for the first thread's stack
		"/proc/self/statm", // see memory.go
		"/usr/lib/debug",   // ClickHouse aborts where it sees debug symbols of the C library and cannot read them
	} {
		all = append(all, allowance{path, canReadFile})
	}
	for _, path := range needed {
		all = append(all, allowance{path, canExec})
	}
	return all, nil
}

// sharedObjects are the library, what it is linked with, and what this program has mapped: the dynamic linker among
// them. What the library names is sought beside the C library and beside itself.
func sharedObjects(library string) ([]string, error) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	defer maps.Close()
	objects := []string{library}
	places := []string{filepath.Dir(library)}
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		// 7f..-7f.. r-xp 00028000 fe:00 1234   /usr/lib/x86_64-linux-gnu/libc.so.6
		at := strings.IndexByte(lines.Text(), '/')
		if at < 0 {
			continue
		}
		path := lines.Text()[at:]
		if name := filepath.Base(path); !strings.Contains(name, ".so") || slices.Contains(objects, path) {
			continue
		} else if strings.HasPrefix(name, "libc.") || strings.HasPrefix(name, "libc-") {
			places = append(places, filepath.Dir(path))
		}
		objects = append(objects, path)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	f, err := elf.Open(library)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", library, err)
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", library, err)
	}
	for _, name := range append(names, "libgcc_s.so.1") { // glibc's pthread_exit opens it, and aborts without
		for _, place := range places {
			objects = append(objects, filepath.Join(place, name))
		}
	}
	return objects, nil
}

// closeWalls is the second half, in the program executed anew: the filter of system calls, no core dumps and no
// debugger, and a look at whether the walls stand.
func (h *handoff) closeWalls() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("confine the engine: %w", err)
	}
	if h.Walls.Seccomp {
		if err := seccomp(); err != nil {
			return fmt.Errorf("confine the engine: %w", err)
		}
	}
	return h.try()
}

// try does what must fail. A wall that is not there, and nobody knows, is worse than none.
func (h *handoff) try() error {
	var open []string
	if h.Walls.Landlock > 0 {
		d := dir{Dir(h.State)}
		for _, t := range []struct {
			path string
			flag int
		}{
			{d.file("writer.password"), os.O_RDONLY}, {d.file("writer.password"), os.O_WRONLY}, {d.path, os.O_RDONLY},
			{h.State, os.O_RDONLY},
			{filepath.Join(d.data(), "..", "reader.password"), os.O_RDONLY},
			{d.file("tried"), os.O_WRONLY | os.O_CREATE},
			{"/", os.O_RDONLY}, {"/etc/passwd", os.O_RDONLY}, {"/proc/self/environ", os.O_RDONLY},
			{"/proc/self/mem", os.O_RDWR},
		} {
			f, err := os.OpenFile(t.path, t.flag, 0o600)
			if err == nil {
				f.Close()
			}
			if err == nil || !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
				open = append(open, fmt.Sprintf("open %s: %v", t.path, err))
			}
		}
	}
	if h.Walls.Seccomp {
		for _, family := range []int{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX, unix.AF_NETLINK, unix.AF_PACKET} {
			fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err == nil {
				unix.Close(fd)
			}
			if !errors.Is(err, unix.EPERM) {
				open = append(open, fmt.Sprintf("socket(%d): %v", family, err))
			}
		}
		if err := unix.Exec("", nil, nil); !errors.Is(err, unix.EPERM) {
			open = append(open, fmt.Sprintf("execve: %v", err))
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("the engine is not confined, though this kernel can: %s", strings.Join(open, "; "))
	}
	return nil
}
