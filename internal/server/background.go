package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/credentials"
)

// Where a job runs.
type where int

const (
	// everywhere is in each process: it is about what that one has in memory.
	everywhere where = iota
	// once is in one process at a time, of those that work in the background: the
	// one that has the job's lease. Whatever such a job writes, it writes only if
	// what it has read is still so, for a process that stood still may go on
	// beside the next one.
	once
)

// A job is what runs beside the requests, until its context is done.
type job struct {
	name  string // of the lease, too: it stays what it is
	where where
	run   func(context.Context)
}

// jobs are all that runs beside the requests.
func (s *server) jobs() []job {
	return []job{
		{"pull times", everywhere, s.registry.RunPulls},
		{"uses of keys", everywhere, s.identities.RunUses},
		{"key ring", everywhere, s.ring.Run}, // follows rotations on other nodes

		{"collector", once, s.registry.RunCollector},       // notes, blobs, trash; files of nobody, each week
		{"sweeps", once, s.registry.RunSweeps},             // uploads that were left, old events
		{"recounts", once, s.registry.RunRecounts},         // of what repositories hold
		{"measurements", once, s.registry.RunMeasurements}, // of what repositories share, and what nobody pulls
		{"sealing", once, s.registry.RunSealing},           // after a rotation, or when sealing was switched on
		{"verification", once, s.scrub.Run},                // the scrub, and what nifuda verify asks for
		{"key deletion", once, s.kms.Run},                  // and rotation, of the keys of KMS
		{"session expiry", once, s.identities.RunExpiry},   // rows of sessions that are over
	}
}

// startJobs starts the jobs of this process. They end before whatever was opened
// before.
func (s *server) startJobs() {
	for _, j := range s.jobs() {
		switch {
		case j.where == everywhere:
			s.inBackground(j.run)
		case s.Config.Role != cluster.RoleAPI:
			s.inBackground(func(ctx context.Context) { s.member.Run(ctx, j.name, j.run) })
		}
	}
}

// join makes this process a node. A read-only server is none: it has nothing that
// others would have to know of.
func (s *server) join(ctx context.Context) (err error) {
	if s.readOnly() {
		return nil
	}
	// Whoever has the lock of the data directory knows that the process which wrote
	// this file has ended.
	file := filepath.Join(s.Config.Data, "node")
	former, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read what this node was called: %w", err)
	}
	s.member, err = cluster.Join(ctx, s.metadata, cluster.Options{
		Role: s.Config.Role, Version: s.Version, Timing: s.timing, Log: s.Log, Metrics: s.metrics,
		Former: strings.TrimSpace(string(former)), Keep: func(id string) error { return credentials.ReplaceFile(file, []byte(id+"\n")) },
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.member.Close)
	return nil
}
