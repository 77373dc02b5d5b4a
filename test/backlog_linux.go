package test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fillBacklog listens with room for no waiting connection, takes that room, and accepts nobody: the kernel then drops
// every further SYN.
func fillBacklog(t testing.TB, ip string, port int) error {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: addr.As4()}); err != nil {
		return err
	}
	if err := unix.Listen(fd, 0); err != nil {
		return err
	}
	for range 4 { // the first one or two fill it
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", ip, port), 100*time.Millisecond)
		if err != nil {
			return nil
		}
		t.Cleanup(func() { conn.Close() })
	}
	return fmt.Errorf("%s still lets connections in", ip)
}
