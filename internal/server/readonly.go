package server

import (
	"context"

	"github.com/nifuda/nifuda/internal/diskspace"
	"github.com/nifuda/nifuda/internal/store"
)

// readOnly reports whether everything that changes something is refused.
func (s *server) readOnly() bool { return s.Config.ReadOnly == "on" }

func (s *server) openDatabase(ctx context.Context) (*store.Store, error) {
	if !s.readOnly() {
		return store.Open(ctx, s.Config.Database, store.WithLog(s.Log))
	}
	s.Log.WarnContext(ctx, "everything that changes something is refused: --read-only is on")
	return store.Open(ctx, s.Config.Database, store.WithLog(s.Log), store.ReadOnly())
}

// inBackground starts a worker until the server stops. All of them change
// something, so that a read-only server has none.
func (s *server) inBackground(work func(context.Context)) {
	if !s.readOnly() {
		s.closers = append(s.closers, s.runInBackground(work))
	}
}

// room refuses pushes of a read-only server before their bytes come.
func (s *server) room(watch *diskspace.Watch) func(bytes int64) error {
	if s.readOnly() {
		return func(int64) error { return store.ErrReadOnly }
	}
	return watch.Room
}
