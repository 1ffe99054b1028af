package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A request waits this long for another one that writes to the same upload,
// such as the rest of a broken connection, before it is refused.
const claimPatience = 10 * time.Second

// While another node has an upload, it is asked for this often.
const claimPause = 100 * time.Millisecond

// UploadClaims keep other nodes from writing to an upload for as long as this
// one does and lives. What a request saves is safe without: a claim spares the
// bytes of requests that would lose, and keeps them from being mixed with those
// of the one that wins.
type UploadClaims interface {
	// ClaimUpload reports whether the upload is this node's now.
	ClaimUpload(ctx context.Context, id string) (bool, error)
	// ReleaseUpload lets go of it, whatever happens to ctx.
	ReleaseUpload(ctx context.Context, id string)
}

// claims keeps two requests from writing to one upload: both would write at the
// same offset.
type claims struct {
	others UploadClaims // nil where there is no other node

	mu   sync.Mutex
	held map[string]chan struct{} // closed on release
}

func newClaims(others UploadClaims) *claims {
	return &claims{others: others, held: map[string]chan struct{}{}}
}

// take waits until no other request of this process has the upload and returns
// what frees it again.
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
			return nil, uploadInUse(uploadID)
		}
	}
}

func uploadInUse(id string) *Error {
	return refuse(CodeUploadInUse, "The upload with id '%s' is being written to by another request", id)
}

func (c *claims) release(uploadID string, mine chan struct{}) {
	c.mu.Lock()
	delete(c.held, uploadID)
	c.mu.Unlock()
	close(mine)
}

// takeFromNodes waits until no other node has the upload and returns what frees
// it again.
func (c *claims) takeFromNodes(ctx context.Context, uploadID string) (release func(), err error) {
	if c.others == nil {
		return func() {}, nil
	}
	patience := time.NewTimer(claimPatience)
	defer patience.Stop()
	for {
		claimed, err := c.others.ClaimUpload(ctx, uploadID)
		if err != nil {
			return nil, fmt.Errorf("claim upload: %w", err)
		}
		if claimed {
			return func() { c.others.ReleaseUpload(context.WithoutCancel(ctx), uploadID) }, nil
		}
		again := time.NewTimer(claimPause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		case <-patience.C:
			again.Stop()
			return nil, uploadInUse(uploadID)
		}
	}
}

// needsClaim reports whether what a part does to an upload can be in the way of
// another node before it is saved: bytes that stay in memory cannot.
func needsClaim(u store.Upload, p Part) bool {
	if u.WriterState != nil {
		return true
	}
	return p.Body != nil && (p.Length < 0 || u.Size+p.Length > inlineLimit)
}

// takeUpload returns an upload that no other request writes to, and what frees
// it again.
func (r *Registry) takeUpload(ctx context.Context, n RepositoryName, repositoryID, id string, p Part) (u store.Upload, release func(), err error) {
	u, err = r.upload(ctx, n, repositoryID, id)
	if err != nil || r.claims.others == nil || !needsClaim(u, p) {
		return u, func() {}, err
	}
	release, err = r.claims.takeFromNodes(ctx, id)
	if err != nil {
		return store.Upload{}, nil, err
	}
	// What it was before the claim another node may have changed.
	if u, err = r.upload(ctx, n, repositoryID, id); err != nil {
		release()
		return store.Upload{}, nil, err
	}
	return u, release, nil
}
