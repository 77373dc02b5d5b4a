package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dial connects to the engine's socket. What serves there must be the owner of its directory, or root, before a byte is
// sent: a password is for nobody else.
func (e Endpoint) Dial(ctx context.Context) (net.Conn, error) {
	owner, err := ownerOf(filepath.Dir(e.Socket))
	if err != nil {
		return nil, fmt.Errorf("the engine's directory: %w", err)
	}
	var c net.Conn
	err = bySocketPath(e.Socket, func(path string) error {
		var d net.Dialer
		c, err = d.DialContext(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := peerIs(c.(*net.UnixConn), owner); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", e.Socket, err)
	}
	return c, nil
}

// listenSocket takes the place of a socket that an engine before left. Under the directory's lock only.
func listenSocket(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("clear the engine's socket: %w", err)
	}
	var l *net.UnixListener
	err := bySocketPath(path, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("close the engine's socket to others: %w", err)
	}
	return l, nil
}

// bySocketPath calls f with a path that fits into a sockaddr_un (108 bytes with the final NUL): the same one, or one by
// way of the open directory.
func bySocketPath(path string, f func(path string) error) error {
	if len(path) < len(unix.RawSockaddrUnix{}.Path) {
		return f(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

// ownClients lets the owner of the directory and root in.
type ownClients struct {
	*net.UnixListener
	owner uint32
	log   *slog.Logger
}

func (l ownClients) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if err = peerIs(c, l.owner); err == nil {
			return c, nil
		}
		l.log.Warn("a stranger at the engine's socket", "error", err)
		c.Close()
	}
}

// listeners are what the engine answers on.
type listeners struct {
	socket net.Listener
	tcp    net.Listener // nil without TCP
}

// listeners are the handoff's descriptors.
func (h *handoff) listeners(log *slog.Logger) (listeners, error) {
	socket, err := fileListener(h.Socket)
	if err != nil {
		return listeners{}, err
	}
	l := listeners{socket: ownClients{socket.(*net.UnixListener), h.Owner, log}}
	if h.TCP > 0 {
		if l.tcp, err = fileListener(h.TCP); err != nil {
			socket.Close()
			return listeners{}, err
		}
	}
	return l, nil
}

func fileListener(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over a listener: %w", err)
	}
	return l, nil
}

func (l listeners) close() {
	l.socket.Close()
	if l.tcp != nil {
		l.tcp.Close()
	}
}

// peerIs says whether the other end is a process of this user, or root's. Of a listener the kernel keeps who called
// listen(2).
func peerIs(c *net.UnixConn, owner uint32) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		peer, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET,
			unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil {
		return fmt.Errorf("ask who is at the other end: %w", credErr)
	}
	if peer.Uid != owner && peer.Uid != 0 {
		return fmt.Errorf("process %d of user %d is at the other end, who is neither the directory's owner (user %d) nor root", peer.Pid, peer.Uid, owner)
	}
	return nil
}

func ownerOf(path string) (uint32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s: its owner cannot be told", path)
	}
	return st.Uid, nil
}
