package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// Uses of keys and roles are known to the minute, and written in batches.
const (
	usePrecision  = time.Minute
	flushInterval = 30 * time.Second
)

// maxUses bounds what waits to be written.
const maxUses = 100_000

// uses are the last uses of keys and roles that are not written yet.
type uses struct {
	mu    sync.Mutex
	keys  map[string]store.KeyUse
	roles map[string]store.KeyUse
}

// note notes a use under an id, unless one is noted that is hardly older.
func (u *uses) note(of *map[string]store.KeyUse, id string, use store.KeyUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if *of == nil {
		*of = map[string]store.KeyUse{}
	}
	if noted, ok := (*of)[id]; ok && noted.Region == use.Region && noted.Service == use.Service && use.At-noted.At < usePrecision.Milliseconds() {
		return
	}
	if len(*of) < maxUses {
		(*of)[id] = use
	}
}

func (u *uses) take() (keys, roles map[string]store.KeyUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys, roles = u.keys, u.roles
	u.keys, u.roles = nil, nil
	return keys, roles
}

// NoteUse notes that an access key was used for a service, by its signing name,
// in a region. What GetAccessKeyLastUsed says follows within a minute.
func (s *Identities) NoteUse(accessKeyID, region, service string) {
	if strings.HasPrefix(accessKeyID, temporaryPrefix) {
		return
	}
	s.uses.note(&s.uses.keys, accessKeyID, store.KeyUse{At: s.millis(), Region: region, Service: service})
}

// NoteRoleUse notes that a session of a role was begun in a region.
func (s *Identities) NoteRoleUse(roleID, region string) {
	s.uses.note(&s.uses.roles, roleID, store.KeyUse{At: s.millis(), Region: region})
}

// These many uses are written in one transaction, so that others need not wait
// long for their turn.
const useBatch = 500

// Flush writes the noted uses.
func (s *Identities) Flush(ctx context.Context) error {
	keys, roles := s.uses.take()
	return errors.Join(s.writeUses(ctx, keys, (*store.Tx).NoteKeyUse), s.writeUses(ctx, roles, (*store.Tx).NoteRoleUse))
}

func (s *Identities) writeUses(ctx context.Context, uses map[string]store.KeyUse, write func(*store.Tx, context.Context, string, store.KeyUse) error) error {
	for ids := range slices.Chunk(slices.Collect(maps.Keys(uses)), useBatch) {
		err := s.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			for _, id := range ids {
				if err := write(tx, ctx, id, uses[id]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write last uses: %w", err)
		}
	}
	return nil
}

// Sessions are kept so long after their end, so that their keys are told apart
// from unknown ones, and removed so many at a time.
const (
	keepExpired  = 24 * time.Hour
	expiredBatch = 500
)

// RemoveExpiredSessions removes the sessions that ended a day ago.
func (s *Identities) RemoveExpiredSessions(ctx context.Context) error {
	for {
		var removed int64
		err := s.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
			removed, err = tx.DeleteSessionsExpired(ctx, s.now().Add(-keepExpired).UnixMilli(), expiredBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("remove expired sessions: %w", err)
		}
		if removed < expiredBatch {
			return nil
		}
	}
}

// RunUses writes the uses that this process has noted, until ctx is done, and then
// the last of them. Each process has its own.
func (s *Identities) RunUses(ctx context.Context) {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.logFailure(s.Flush(context.WithoutCancel(ctx)))
			return
		case <-ticker.C:
			s.logFailure(s.Flush(ctx))
		}
	}
}

// RunExpiry removes expired sessions until ctx is done. One process of a database
// needs to.
func (s *Identities) RunExpiry(ctx context.Context) {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.RemoveExpiredSessions(ctx); ctx.Err() == nil {
				s.logFailure(err)
			}
		}
	}
}

func (s *Identities) logFailure(err error) {
	if err != nil {
		s.log.Error("identities in the background", "error", err)
	}
}
