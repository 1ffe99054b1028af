package storetest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A Fault is what a [Proxy] does to a connection that commits.
type Fault int

// The faults, each of which happens once.
const (
	NoFault     Fault = iota
	CutBefore         // the commit does not reach the server
	CutAfter          // the commit happens, and its answer is lost
	SilentAfter       // the commit happens, and its answer does not come
)

// A Proxy stands between a store and its PostgreSQL server and breaks
// connections.
type Proxy struct {
	t        testing.TB
	server   string
	listener net.Listener

	mu     sync.Mutex
	fault  Fault
	open   map[net.Conn]struct{}
	closed bool // nobody is let through
	count  int  // connections so far
}

// NewProxy returns a proxy before the server of a URL, and the URL through it.
func NewProxy(t testing.TB, database string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, server: u.Host, listener: listener, open: map[net.Conn]struct{}{}}
	var wg sync.WaitGroup
	wg.Go(func() { p.accept(&wg) })
	t.Cleanup(func() {
		listener.Close()
		p.Cut()
		wg.Wait()
	})
	u.Host = listener.Addr().String()
	return p, u.String()
}

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

// Close ends all connections and lets nobody through until Open.
func (p *Proxy) Close() {
	p.let(false)
	p.Cut()
}

// Open ends a Close.
func (p *Proxy) Open() { p.let(true) }

func (p *Proxy) let(through bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = !through
}

// Break has the next commit meet a fault.
func (p *Proxy) Break(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Pending reports whether a fault has yet to happen.
func (p *Proxy) Pending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault != NoFault
}

// Connections returns how many there have been.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *Proxy) accept(wg *sync.WaitGroup) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.admit(client) {
		return
	}
	defer p.forget(client)
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	if !p.admit(server) {
		server.Close()
		return
	}
	defer p.forget(server)
	answers := &relay{to: client}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		io.Copy(answers, server) //nolint:errcheck // its end is what counts
	}()
	p.pass(client, server, answers)
	server.Close()
	<-done
}

// pass forwards what a client sends until the connection ends.
func (p *Proxy) pass(client, server net.Conn, answers *relay) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		sent := buffer[:n]
		fault := NoFault
		if bytes.Contains(sent, []byte("commit\x00")) {
			fault = p.take()
		}
		if fault == CutBefore {
			return
		}
		if fault == CutAfter || fault == SilentAfter {
			answers.lose(fault == CutAfter)
		}
		if _, err := server.Write(sent); err != nil {
			return
		}
	}
}

func (p *Proxy) take() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fault
	p.fault = NoFault
	return f
}

func (p *Proxy) admit(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.count++
	p.open[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	c.Close()
}

// A relay passes a server's answers on, until they are to be lost.
type relay struct {
	to net.Conn

	mu   sync.Mutex
	lost bool
	cut  bool
}

func (r *relay) lose(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost, r.cut = true, cut
}

func (r *relay) Write(answer []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost && r.cut {
		r.to.Close()
		return 0, net.ErrClosed
	}
	if r.lost {
		return len(answer), nil
	}
	return r.to.Write(answer)
}
