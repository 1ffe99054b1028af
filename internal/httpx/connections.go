package httpx

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// ConnectionLimits are how many connections there may be at once.
type ConnectionLimits struct {
	All int
	// PerSource is how many of them one client address may have, an IPv6 one
	// with all others of its /64; 0 is any number.
	PerSource int
	// Proxies may have any number: they come for others.
	Proxies Proxies
}

// LimitConnections returns a listener whose connections are at most so many at
// once, so that the process keeps files for what they ask. At the limit idle
// ones are closed to make room; when none is idle, new ones wait to be accepted.
// Those of a source that has enough are closed at once. The listener must be the
// only one that the server serves.
func LimitConnections(l net.Listener, s *http.Server, most ConnectionLimits) net.Listener {
	c := &connections{Listener: l, idle: map[net.Conn]struct{}{}, most: most.All, limits: most, sources: map[netip.Addr]int{}}
	c.room = sync.NewCond(&c.mu)
	s.ConnState = c.note
	return c
}

type connections struct {
	net.Listener
	most   int
	limits ConnectionLimits

	mu    sync.Mutex
	room  *sync.Cond // waits for open < most, or the end
	open  int
	ended bool
	idle  map[net.Conn]struct{}
	// sources holds how many connections there are of each address.
	sources map[netip.Addr]int
}

// Accept hands out the connection as it is: a wrapper would keep the kernel from
// sending files.
func (c *connections) Accept() (net.Conn, error) {
	c.mu.Lock()
	for c.open >= c.most && !c.ended {
		c.evict()
		c.room.Wait()
	}
	c.open++
	c.mu.Unlock()
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			c.release()
			return nil, err
		}
		if c.enter(conn) {
			return conn, nil
		}
		_ = conn.Close() // nobody has used it
	}
}

// enter counts a connection of a source, unless that has enough.
func (c *connections) enter(conn net.Conn) bool {
	source, counted := c.sourceOf(conn)
	if !counted {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sources[source] >= c.limits.PerSource {
		return false
	}
	c.sources[source]++
	return true
}

// leave ends what enter counted.
func (c *connections) leave(conn net.Conn) {
	source, counted := c.sourceOf(conn)
	if !counted {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sources[source]--; c.sources[source] <= 0 {
		delete(c.sources, source)
	}
}

// sourceOf returns whose connection one is, if it counts.
func (c *connections) sourceOf(conn net.Conn) (source netip.Addr, counted bool) {
	if c.limits.PerSource == 0 {
		return source, false
	}
	source = addressOf(conn.RemoteAddr().String())
	if !source.IsValid() || c.limits.Proxies.trust(source) {
		return source, false
	}
	if source.Is6() {
		if prefix, err := source.Prefix(64); err == nil {
			source = prefix.Masked().Addr()
		}
	}
	return source, true
}

// evict closes one idle connection. Its end is noted as any other's.
func (c *connections) evict() {
	for conn := range c.idle {
		delete(c.idle, conn)
		go conn.Close() // nobody uses it
		return
	}
}

func (c *connections) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.room.Signal()
}

// note follows the states of the server's connections.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
		c.leave(conn)
		c.release()
	case http.StateIdle:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.idle[conn] = struct{}{}
		if c.open >= c.most {
			c.room.Signal() // whoever waits for room may close it
		}
	case http.StateActive:
		c.forget(conn)
	case http.StateNew:
	}
}

func (c *connections) forget(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.idle, conn)
}

// Close lets an Accept that waits for room see the end.
func (c *connections) Close() error {
	c.mu.Lock()
	c.ended = true
	c.room.Broadcast()
	c.mu.Unlock()
	return c.Listener.Close()
}
