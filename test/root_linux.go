package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// mountRoot makes dir/root a writable view of the root file system lower, which itself stays as it is: an overlay
// whose changes are kept in memory. Each entry of shared, a path in there and a directory outside, is one and the same
// directory on both sides. All is unmounted at the test's end. It is for an isolated test binary, whose mounts nobody
// else sees.
func mountRoot(t testing.TB, lower, dir string, shared map[string]string) error {
	root, changes := filepath.Join(dir, "root"), filepath.Join(dir, "changes")
	var mounted []string
	t.Cleanup(func() {
		for _, target := range slices.Backward(mounted) {
			// A server's last process may not be gone yet; detached, it holds nothing up.
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", target, err)
			}
		}
	})
	mount := func(source, target, kind string, flags uintptr, data string) error {
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			return fmt.Errorf("mount %s at %s: %w", kind, target, err)
		}
		mounted = append(mounted, target)
		return nil
	}
	if err := makeDirs(root, changes); err != nil {
		return err
	}
	if err := mount("tmpfs", changes, "tmpfs", 0, "size=256m"); err != nil {
		return err
	}
	upper, work := filepath.Join(changes, "upper"), filepath.Join(changes, "work")
	if err := makeDirs(upper, work); err != nil {
		return err
	}
	if err := os.Chmod(upper, 0o755); err != nil { // it is the root directory's mode
		return err
	}
	if err := mount("overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper,
		work)); err != nil {
		return err
	}
	if err := mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		return err
	}
	// A /dev of its own: in the machine's there is /dev/log, and its system log is not for us.
	dev := filepath.Join(root, "dev")
	if err := mount("tmpfs", dev, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		target := filepath.Join(dev, name)
		if err := os.WriteFile(target, nil, 0o666); err != nil {
			return err
		}
		if err := mount(filepath.Join("/dev", name), target, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	for inside, outside := range shared {
		if err := makeDirs(outside, filepath.Join(root, inside)); err != nil {
			return err
		}
		if err := mount(outside, filepath.Join(root, inside), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func makeDirs(paths ...string) error {
	for _, path := range paths {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	return nil
}
