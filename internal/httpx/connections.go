package httpx

import (
	"net"
	"net/http"
	"sync"
)

// LimitConnections returns a listener whose connections are at most so many at
// once, so that the process keeps files for what they ask. At the limit idle
// ones are closed to make room; when none is idle, new ones wait to be accepted.
// The listener must be the only one that the server serves.
func LimitConnections(l net.Listener, s *http.Server, most int) net.Listener {
	c := &connections{Listener: l, idle: map[net.Conn]struct{}{}, most: most}
	c.room = sync.NewCond(&c.mu)
	s.ConnState = c.note
	return c
}

type connections struct {
	net.Listener
	most int

	mu    sync.Mutex
	room  *sync.Cond // waits for open < most, or the end
	open  int
	ended bool
	idle  map[net.Conn]struct{}
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
	conn, err := c.Listener.Accept()
	if err != nil {
		c.release()
	}
	return conn, err
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
