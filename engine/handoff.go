package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// handoffVariable names the descriptor of the handoff to the program that is executed anew.
const handoffVariable = "BOUNCEHOUSE_ENGINE_HANDOFF"

// handoff is what Serve has opened and read before the walls. Zero descriptors are not there.
type handoff struct {
	State    string // absolute
	Library  string
	Config   string
	Memory   int64
	Endpoint Endpoint
	Recorded string // version of the engine that the data was last opened by
	Walls    walls

	WriterByTCP bool
	Owner       uint32 // of the engine's directory

	Lock, Version, Probation, Socket, TCP int // descriptors
}

// Confined says whether this process is the program that Serve has executed anew. It can read no file then but the
// engine's: what calls Serve must do without its configuration, which Serve has from before.
func Confined() bool { return os.Getenv(handoffVariable) != "" }

// prepare opens and writes what lies outside of the walls, and goes behind them.
func (h *handoff) prepare(ctx context.Context, d dir, c Config) error {
	d.withdraw() // an address that a killed engine left: its port may be a stranger's now
	var err error
	if h.Endpoint, err = d.passwords(); err != nil {
		return err
	}
	if h.Owner, err = ownerOf(d.path); err != nil {
		return fmt.Errorf("the engine's directory: %w", err)
	}
	if h.Memory == 0 {
		var info unix.Sysinfo_t
		if err := unix.Sysinfo(&info); err != nil {
			return fmt.Errorf("read the size of memory: %w", err)
		}
		h.Memory = int64(info.Totalram) * int64(info.Unit) / 4
	}
	runAs, err := d.accountFor(c.User)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.data(), 0o700); err != nil {
		return fmt.Errorf("make the engine's data directory: %w", err)
	}
	if h.Config, err = d.writeConfig(h.Memory); err != nil {
		return err
	}
	if err := runAs.reach(d, h.State, h.Config); err != nil {
		return err
	}
	if h.Recorded, err = d.version(); err != nil {
		return err
	}
	version, err := os.OpenFile(d.file("version"), os.O_WRONLY|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open the engine's version: %w", err)
	}
	defer version.Close()
	h.Version = int(version.Fd())
	probation, err := os.OpenFile(d.file("probation"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open the note of the reader's queries: %w", err)
	}
	defer probation.Close()
	h.Probation = int(probation.Fd())

	// Before the socket, where clients come first: the address is to be there for them.
	if c.Listener == nil && c.Listen != "" {
		if c.Listener, err = Listen(c.Listen); err != nil {
			return err
		}
		defer c.Listener.Close()
	}
	if c.Listener != nil {
		l, err := net.FileListener(c.Listener)
		if err != nil {
			return fmt.Errorf("take over a listener: %w", err)
		}
		h.Endpoint.Addr = l.Addr().String()
		l.Close()
		h.TCP, h.WriterByTCP = int(c.Listener.Fd()), c.ListenWriter
		if err := d.announce(h.Endpoint.Addr); err != nil {
			return err
		}
	}
	h.Endpoint.Socket = d.socket()
	socket, err := listenSocket(h.Endpoint.Socket)
	if err != nil {
		return err
	}
	defer socket.Close()
	file, err := socket.File()
	if err != nil {
		return fmt.Errorf("listen on the engine's socket: %w", err)
	}
	defer file.Close()
	h.Socket = int(file.Fd())
	if missing := h.Walls.missing(); len(missing) > 0 {
		c.Log.Warn("the kernel cannot confine the engine wholly", "missing", strings.Join(missing, ", "))
	}
	if os.Geteuid() == 0 && runAs == nil {
		c.Log.Info("the engine runs as root, confined: it would run as a user of its own if its data were this user's",
			"user", c.User, "data", d.data())
	}
	if ctx.Err() != nil {
		return nil
	}
	return h.enter(d, runAs)
}

// run is Serve behind the walls.
func (h *handoff) run(ctx context.Context, c Config) error {
	lock, version, note := os.NewFile(uintptr(h.Lock), "lock"), os.NewFile(uintptr(h.Version), "version"),
		os.NewFile(uintptr(h.Probation), "probation")
	defer lock.Close()
	defer version.Close()
	defer note.Close()
	l, err := h.listeners(c.Log)
	if err != nil {
		return err
	}
	defer l.close()
	if err := h.closeWalls(); err != nil {
		return err
	}
	d := dir{Dir(h.State)}
	e, err := h.start(d, version, c.Log)
	if err != nil {
		return err
	}
	if e.probation, err = openProbation(note, time.Now()); err != nil {
		return err
	}
	return e.serve(ctx, l, h, c)
}

// write puts the handoff into a file that only its descriptor names.
func (h *handoff) write() (*os.File, error) {
	b, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("handoff", 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "handoff")
	if _, err := f.WriteAt(b, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// takeHandoff reads it, once: it has the passwords.
func takeHandoff() (*handoff, error) {
	fd, err := strconv.Atoi(os.Getenv(handoffVariable))
	if err != nil {
		return nil, fmt.Errorf("%s is set by Serve only: %w", handoffVariable, err)
	}
	if err := os.Unsetenv(handoffVariable); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "handoff")
	defer f.Close()
	h := &handoff{}
	if err := json.NewDecoder(io.NewSectionReader(f, 0, 1<<20)).Decode(h); err != nil {
		return nil, fmt.Errorf("read what was opened before the walls: %w", err)
	}
	for _, fd := range h.descriptors() {
		unix.CloseOnExec(fd)
	}
	return h, nil
}

// descriptors are those that are there.
func (h *handoff) descriptors() []int {
	return slices.DeleteFunc([]int{h.Lock, h.Version, h.Probation, h.Socket, h.TCP},
		func(fd int) bool { return fd == 0 })
}
