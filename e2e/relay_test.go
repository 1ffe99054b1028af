package e2e_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A relay passes TCP connections on to something that a node needs, and can take
// that away from the node alone.
type relay struct {
	target   string
	listener net.Listener

	mu          sync.Mutex
	fault       relayFault
	changed     chan struct{} // closed when fault changes
	connections map[io.Closer]bool
}

// A relayFault is what a relay does to its connections.
type relayFault int

const (
	relayPasses relayFault = iota
	relayDelays            // each piece, by relayDelay
	relayHangs             // keeps the connections, and passes nothing
	relayCuts              // ends the connections, and each new one
)

const relayDelay = 50 * time.Millisecond

func startRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{target: target, listener: listener, changed: make(chan struct{}), connections: map[io.Closer]bool{}}
	go r.accept()
	t.Cleanup(func() {
		listener.Close()
		r.set(relayCuts)
	})
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

// set changes what happens to connections from now on.
func (r *relay) set(fault relayFault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = fault
	close(r.changed)
	r.changed = make(chan struct{})
	if fault == relayCuts {
		for connection := range r.connections {
			connection.Close()
		}
	}
}

func (r *relay) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		go r.serve(from)
	}
}

func (r *relay) serve(from net.Conn) {
	defer from.Close()
	if !r.keep(from) {
		return
	}
	defer r.forget(from)
	to, err := net.Dial("tcp", r.target)
	if err != nil {
		return // the client sees its connection end
	}
	defer to.Close()
	go r.pump(from, to)
	r.pump(to, from)
}

// keep remembers a connection for the next cut, unless there is one.
func (r *relay) keep(connection io.Closer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault == relayCuts {
		return false
	}
	r.connections[connection] = true
	return true
}

func (r *relay) forget(connection io.Closer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.connections, connection)
}

// pump copies in one direction until either side ends, which ends the other.
func (r *relay) pump(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			r.await()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// await returns when the bytes at hand may go on.
func (r *relay) await() {
	for {
		r.mu.Lock()
		fault, changed := r.fault, r.changed
		r.mu.Unlock()
		switch fault {
		case relayHangs:
			<-changed
			continue
		case relayDelays:
			time.Sleep(relayDelay)
		case relayPasses, relayCuts:
		}
		return
	}
}
