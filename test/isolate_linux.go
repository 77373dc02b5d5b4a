package test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The addresses of a test's network, all on its loopback interface. Everything else is unreachable, which is a case to
// test as well: 203.0.113.0/24 is kept for that.
const (
	OurNet   = "192.0.2.0/24"    // the mail server under test and its egress addresses
	TheirNet = "198.51.100.0/24" // the servers that it sends to, and clients
	ManyNet  = "198.18.0.0/15"   // more servers than TheirNet has addresses (RFC 2544)
	NoNet    = "203.0.113.0/24"  // Network is unreachable
	Hostname = "mail.example.com"
)

// isolation is the environment variable that tells the stages of Main apart.
const isolation = "BOUNCEHOUSE_ISOLATION"

// Main runs a package's tests in namespaces of their own: network, mounts, processes and host name. In there ports 25
// and 53, the addresses above and /etc/resolv.conf (127.0.0.1) belong to the tests. It returns the exit status for
// os.Exit. Where the machine does not allow it (no root), the tests run all the same and those that need it are left
// out.
func Main(m *testing.M) int {
	switch os.Getenv(isolation) {
	case "":
		return enterNamespaces(m)
	case "init":
		return beInit()
	default:
		return m.Run()
	}
}

// Isolated says why the test binary has no network and mounts of its own, or nil.
func Isolated() error {
	switch state := os.Getenv(isolation); state {
	case "done":
		return nil
	case "":
		return errors.New("the package's TestMain does not call test.Main")
	default:
		return errors.New(state)
	}
}

// needIsolation ends the test where it would meet the machine's own servers.
func needIsolation(t testing.TB) {
	t.Helper()
	notShort(t)
	if err := Isolated(); err != nil {
		Missing(t, PartIsolation, err.Error())
	}
}

// enterNamespaces runs this binary again, with the same arguments, as the first process of new namespaces.
func enterNamespaces(m *testing.M) int {
	without := func(why string) int {
		if err := os.Setenv(isolation, why); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}
	if os.Geteuid() != 0 {
		return without("namespaces of its own need root")
	}
	child, err := runAgain("init", &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL, // and with the first process all others in there
	})
	if err != nil {
		return without("namespaces: " + err.Error())
	}
	state, err := child.Wait()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return exitStatus(state.Sys().(syscall.WaitStatus))
}

// beInit is the first process in the namespaces: it sets them up, runs the tests as its child, and takes in the
// orphans of servers, as the first process must.
func beInit() int {
	if err := setUpNamespaces(); err != nil {
		fmt.Fprintln(os.Stderr, "set up the namespaces of the tests:", err)
		return 1
	}
	child, err := runAgain("done", &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			fmt.Fprintln(os.Stderr, "wait for the tests:", err)
			return 1
		case pid == child.Pid:
			return exitStatus(status)
		}
	}
}

// runAgain starts this binary at the next stage, and hands it the signals that come from now on.
func runAgain(stage string, attr *syscall.SysProcAttr) (*os.Process, error) {
	if err := os.Setenv(isolation, stage); err != nil {
		return nil, err
	}
	// Pdeathsig comes when the thread that made the child ends: keep it.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   attr,
	})
	if err != nil {
		signal.Stop(signals)
		runtime.UnlockOSThread()
		return nil, err
	}
	go func() {
		for s := range signals { // until this process ends with its child
			_ = child.Signal(s)
		}
	}()
	return child, nil
}

func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func setUpNamespaces() error {
	if err := unix.Sethostname([]byte(Hostname)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	// Nothing mounted from here on is seen outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := ownFile("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"); err != nil {
		return err
	}
	if err := ownFile("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n192.0.2.1 "+Hostname+" mail\n"); err != nil {
		return err
	}
	if err := linkUp("lo"); err != nil {
		return err
	}
	for i, prefix := range []string{OurNet, TheirNet, ManyNet} {
		if err := addNet(fmt.Sprintf("lo:%d", i+1), netip.MustParsePrefix(prefix)); err != nil {
			return err
		}
	}
	return nil
}

// ownFile puts a file of ours over the machine's, in this mount namespace only.
func ownFile(path, content string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil // nothing to cover, and the machine's directories are not ours to write to
	}
	f, err := os.CreateTemp("", "bouncehouse-test-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // the mount keeps it
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := unix.Mount(f.Name(), path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover %s: %w", path, err)
	}
	return nil
}

// AddIPv6 gives the tests' loopback interface one more address. IPv6 has no whole networks there.
func AddIPv6(t testing.TB, ip string) {
	t.Helper()
	needIsolation(t)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		Missing(t, PartIsolation, "no IPv6: "+err.Error())
	}
	defer unix.Close(fd)
	req := struct { // struct in6_ifreq of linux/ipv6.h
		addr   [16]byte
		prefix uint32
		index  int32
	}{netip.MustParseAddr(ip).As16(), 128, int32(lo.Index)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR,
		uintptr(unsafe.Pointer(&req))); errno != 0 && errno != unix.EEXIST {
		Missing(t, PartIsolation, "the address "+ip+": "+errno.Error())
	}
	Await(t, 5*time.Second, "the address "+ip, func() bool { // the kernel takes it into use a little later
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err == nil {
			l.Close()
		}
		return err == nil
	})
}

func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOOPBACK)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return nil
}

// addNet gives loopback a whole network: on that interface every address of a prefix is a local one.
func addNet(alias string, prefix netip.Prefix) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	mask := ^uint32(0) << (32 - prefix.Bits())
	for _, step := range []struct {
		request uint
		addr    [4]byte
	}{
		{unix.SIOCSIFADDR, prefix.Addr().Next().As4()},
		{unix.SIOCSIFNETMASK, [4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}},
	} {
		req, err := unix.NewIfreq(alias)
		if err != nil {
			return err
		}
		if err := req.SetInet4Addr(step.addr[:]); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, step.request, req); err != nil {
			return fmt.Errorf("address %s of %s: %w", prefix, alias, err)
		}
	}
	return nil
}
