package engine

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of connections. Anyone on the machine can open those of TCP: without a password they have little of
// everything.
const (
	maxConns       = 1024            // of the socket
	maxGuests      = 256             // connections that have shown an account's password
	maxStrangers   = 64              // connections that have not
	strangerHeader = 5 * time.Second // for the request that shows it
)

// guests are the connections of a TCP listener. One that has shown no password is a stranger: of more than maxStrangers
// the oldest is closed, so that a new one always finds room, and its connection ends with the first answer. Who has
// shown one stays, but of more than maxGuests of an account's the one that has been idle longest is closed. Each
// account has its own: the reader's, each with a body that is announced and not sent, kept the writer out.
type guests struct {
	mu        sync.Mutex
	strangers []net.Conn          // oldest first
	known     map[net.Conn]string // the account
	idle      []net.Conn          // of those known, longest first
}

// guestKey finds a request's connection in its context.
type guestKey struct{}

func (g *guests) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, c)
}

// overTCP says whether a request came by TCP.
func overTCP(r *http.Request) (net.Conn, bool) {
	c, ok := r.Context().Value(guestKey{}).(net.Conn)
	return c, ok
}

// state is an http.Server's ConnState.
func (g *guests) state(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idle = without(g.idle, c)
	switch state {
	case http.StateIdle:
		if g.known[c] != "" {
			g.idle = append(g.idle, c)
		}
	case http.StateNew:
		g.strangers = append(g.strangers, c)
		if len(g.strangers) > maxStrangers {
			g.strangers[0].Close()
			g.strangers = slices.Delete(g.strangers, 0, 1)
		}
	case http.StateClosed, http.StateHijacked:
		delete(g.known, c)
		g.strangers = without(g.strangers, c)
	}
}

// without takes c out of all.
func without(all []net.Conn, c net.Conn) []net.Conn {
	return slices.DeleteFunc(all, func(o net.Conn) bool { return o == c })
}

// knows says whether a connection has shown a password.
func (g *guests) knows(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known[c] != ""
}

// admit makes a connection known that has shown the account's password. It says whether there was room.
func (g *guests) admit(c net.Conn, user string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known[c] != "" {
		return true
	}
	if !slices.Contains(g.strangers, c) { // it is closed already
		return false
	}
	of := 0
	for _, u := range g.known {
		if u == user {
			of++
		}
	}
	if of >= maxGuests {
		i := slices.IndexFunc(g.idle, func(o net.Conn) bool { return g.known[o] == user })
		if i < 0 {
			return false
		}
		longest := g.idle[i]
		g.idle = slices.Delete(g.idle, i, i+1)
		delete(g.known, longest)
		longest.Close()
	}
	g.strangers = without(g.strangers, c)
	if g.known == nil {
		g.known = map[net.Conn]string{}
	}
	g.known[c] = user
	return true
}

// bounded closes connections above a number.
func bounded(most int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > most {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}
