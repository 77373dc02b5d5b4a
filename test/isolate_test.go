package test_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// TestIsolated holds for what test.Main promises: a network of loopback only, in it both address ranges, and a name
// server that is the test's.
func TestIsolated(t *testing.T) {
	test.DNS(t, "127.0.0.1:53", test.Zone{A: map[string][]string{"host.example.net": {"198.51.100.77"}}})
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(interfaces, func(i net.Interface) bool {
		return i.Name != "lo" &&
			i.Flags&net.FlagUp != 0
	}) {
		t.Errorf("interfaces beside loopback are up: %v", interfaces)
	}
	for _, addr := range []string{"192.0.2.200:0", "198.51.100.200:0", "127.77.0.1:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if conn, err := net.DialTimeout("tcp", "203.0.113.1:25", time.Second); err == nil {
		conn.Close()
		t.Error("203.0.113.1 is within reach")
	}
	addrs, err := net.DefaultResolver.LookupHost(t.Context(), "host.example.net")
	if err != nil || len(addrs) != 1 || addrs[0] != "198.51.100.77" {
		t.Errorf("the system resolver says %v, %v", addrs, err)
	}
	if name, err := os.Hostname(); name != test.Hostname {
		t.Errorf("host name %q, %v", name, err)
	}
}

// TestKilled holds for the promise that no server outlives a test process that is killed: a second test binary starts a
// Kafka, tells its process id, and is killed.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("no real parts under -short")
	}
	if os.Getenv("BOUNCEHOUSE_TEST_KILLED") != "" {
		fmt.Printf("pid %d\n", test.Kafka(t, test.KafkaOptions{}).Pid())
		select {} // until killed
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestKilled$", "-test.v")
	cmd.Env = append(os.Environ(), "BOUNCEHOUSE_TEST_KILLED=1", "BOUNCEHOUSE_PARTS=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	pid, said := -1, ""
	for lines := bufio.NewScanner(out); pid < 0 && lines.Scan(); said += lines.Text() + "\n" {
		if _, err := fmt.Sscanf(lines.Text(), "pid %d", &pid); err == nil {
			break
		}
	}
	switch {
	case pid == 0 || strings.Contains(said, "--- SKIP"):
		t.Skip("there is no real broker to outlive its test")
	case pid < 0:
		t.Fatalf("the second test binary started no broker:\n%s", said)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the broker %d does not run: %v", pid, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	test.Await(t, 10*time.Second, "the end of the broker", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
}
