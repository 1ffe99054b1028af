package registry

import (
	"context"
	"sync"
	"time"
)

// A request waits this long for another one that writes to the same upload,
// such as the rest of a broken connection, before it is refused.
const claimPatience = 10 * time.Second

// claims keeps two requests of this process from writing to one upload: both
// would write at the same offset.
type claims struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed on release
}

func newClaims() *claims { return &claims{held: map[string]chan struct{}{}} }

// take waits until the upload is free and returns what frees it again.
func (c *claims) take(ctx context.Context, uploadID string) (release func(), err error) {
	patience := time.NewTimer(claimPatience)
	defer patience.Stop()
	for {
		c.mu.Lock()
		holder, busy := c.held[uploadID]
		if !busy {
			mine := make(chan struct{})
			c.held[uploadID] = mine
			c.mu.Unlock()
			return func() { c.release(uploadID, mine) }, nil
		}
		c.mu.Unlock()
		select {
		case <-holder:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, refuse(CodeUploadInUse, "The upload with id '%s' is being written to by another request", uploadID)
		}
	}
}

func (c *claims) release(uploadID string, mine chan struct{}) {
	c.mu.Lock()
	delete(c.held, uploadID)
	c.mu.Unlock()
	close(mine)
}
