package torture

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy stands before a server and can do to its connections what networks do.
type proxy struct {
	listener net.Listener
	target   string
	kafka    bool // the protocol has frames; else any bytes

	delay    atomic.Int64 // nanoseconds, of every piece that is handed on
	hole     atomic.Bool  // nothing is handed on any more, nobody is told
	swallow  atomic.Int32 // so many answers (of Kafka: to a Produce) are kept back, and their connections cut
	swallows atomic.Int64 // answers kept back so far

	mu    sync.Mutex
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

// newProxy listens at once; target may be set until the first connection comes.
func newProxy(target string, kafka bool) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, target: target, kafka: kafka, conns: map[net.Conn]bool{}}
	p.all.Add(1)
	go func() {
		defer p.all.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Add(1)
			go func() {
				defer p.all.Done()
				p.serve(c)
			}()
		}
	}()
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	p.listener.Close()
	p.cut()
	p.all.Wait()
}

// cut resets all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not an end
		}
		c.Close()
	}
}

// keep registers a connection to be cut.
func (p *proxy) keep(c net.Conn) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return func() {
		c.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
	}
}

func (p *proxy) serve(client net.Conn) {
	defer p.keep(client)()
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	defer p.keep(server)()
	var produce sync.Map // correlation ids of Produce requests that are under way
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.pass(server, client, func(frame []byte) bool {
			// Request header: api_key int16, api_version int16, correlation_id int32. Produce is key 0.
			if p.kafka && len(frame) >= 12 && binary.BigEndian.Uint16(frame[4:]) == 0 {
				produce.Store(binary.BigEndian.Uint32(frame[8:]), true)
			}
			return true
		})
		client.Close()
		server.Close()
	}()
	p.pass(client, server, func(frame []byte) bool {
		if p.kafka {
			// Response header: correlation_id int32.
			if len(frame) < 8 {
				return true
			}
			if _, was := produce.LoadAndDelete(binary.BigEndian.Uint32(frame[4:])); !was {
				return true
			}
		}
		if p.swallow.Load() > 0 && p.swallow.Add(-1) >= 0 {
			p.swallows.Add(1)
			return false
		}
		return true
	})
	client.Close()
	server.Close()
	<-ended
}

// pass hands on what comes from one side, as long as let says so of each piece: a frame with its length, or what a read
// gives.
func (p *proxy) pass(to io.Writer, from io.Reader, let func([]byte) bool) {
	buf := make([]byte, 64<<10)
	for lost := false; ; {
		piece, err := p.piece(from, buf)
		if err != nil {
			return
		}
		if d := p.delay.Load(); d > 0 {
			time.Sleep(time.Duration(d))
		}
		if lost = lost || p.hole.Load(); lost {
			continue // read and gone, and the connection stays; what comes behind a gap must not be handed on either
		}
		if !let(piece) {
			return
		}
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}

func (p *proxy) piece(from io.Reader, buf []byte) ([]byte, error) {
	if !p.kafka {
		n, err := from.Read(buf)
		if n > 0 {
			err = nil
		}
		return buf[:n], err
	}
	if _, err := io.ReadFull(from, buf[:4]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint32(buf))
	if size > 64<<20 {
		return nil, io.ErrUnexpectedEOF // no frame of Kafka's
	}
	if size+4 > len(buf) {
		buf = append(buf[:4:4], make([]byte, size)...)
	}
	_, err := io.ReadFull(from, buf[4:4+size])
	return buf[:4+size], err
}
