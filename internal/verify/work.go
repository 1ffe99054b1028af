package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// A Work is a pass as everybody can see it: how far it is, or how it ended.
type Work struct {
	Running     bool
	Rate        int64     // bytes per second; 0 has no limit
	Repair      bool      // mend what can be mended
	StartedAt   time.Time // when it began, or the one before it
	EndedAt     time.Time // zero while it runs
	CompletedAt time.Time // when a pass read everything last; zero is never
	Failure     string    // what kept it from reading everything
	Report      Report
	Step        string // what it is reading
}

// A record is a Work as the database keeps it, and which process is at it.
type record struct {
	Running     bool     `json:",omitempty"`
	Holder      string   `json:",omitempty"`
	Rate        int64    `json:",omitempty"`
	Repair      bool     `json:",omitempty"`
	StartedAt   int64    `json:",omitempty"` // Unix milliseconds, like the others
	EndedAt     int64    `json:",omitempty"`
	CompletedAt int64    `json:",omitempty"`
	Failure     string   `json:",omitempty"`
	At          position `json:",omitzero"`
	Report      Report   `json:",omitzero"`
}

func (r record) shown() Work {
	w := Work{
		Running: r.Running, Rate: r.Rate, Repair: r.Repair, Failure: r.Failure, Report: r.Report,
		StartedAt: timeOf(r.StartedAt), EndedAt: timeOf(r.EndedAt), CompletedAt: timeOf(r.CompletedAt),
	}
	if r.Running && r.At.Step < len(steps) {
		w.Step = steps[r.At.Step].name
	}
	return w
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// The works, as table progress names them.
const (
	scrubbing = "scrub"
	verifying = "verify"
)

// A process that says nothing of its work for so long has died, and another one
// goes on with it.
const lease = time.Minute

// errTaken ends a pass that another process goes on with, or that was stopped.
var errTaken = errors.New("the work is no longer this process's")

// A session is a work that this process is at, or looks at.
type session struct {
	*Verifier
	name string
	text string // as the database has it; "" is not at all
	at   int64  // when it was written, in Unix milliseconds
	record
}

// look reads a work.
func (v *Verifier) look(ctx context.Context, name string) (*session, error) {
	s := &session{Verifier: v, name: name}
	var err error
	s.text, s.at, err = v.Store.Progress(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	if err := json.Unmarshal([]byte(s.text), &s.record); err != nil {
		return nil, fmt.Errorf("progress of %s: %w", name, err)
	}
	return s, nil
}

// mine reports whether nobody else is at the work. On SQLite there is nobody else.
func (s *session) mine() bool {
	return s.Holder == "" || s.Holder == s.id || s.Store.Exclusive() || s.Now().UnixMilli()-s.at > lease.Milliseconds()
}

// write writes the work down, if it still is as it was read: else it returns errTaken.
func (s *session) write(ctx context.Context) error {
	text, err := json.Marshal(s.record)
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	var same bool
	now := s.Now().UnixMilli()
	err = s.Store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		same, err = tx.Advance(ctx, s.name, s.text, string(text), now)
		return err
	})
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	if !same {
		return errTaken
	}
	s.text, s.at = string(text), now
	return nil
}

// begin makes the work one that runs from the start.
func (s *session) begin(rate int64, repair bool) {
	s.record = record{Running: true, Rate: rate, Repair: repair, StartedAt: s.Now().UnixMilli(), CompletedAt: s.CompletedAt}
}

// end makes the work one that has ended.
func (s *session) end(failure error) {
	s.Running, s.Holder, s.EndedAt, s.At = false, "", s.Now().UnixMilli(), position{}
	if failure != nil {
		s.Failure = failure.Error()
		return
	}
	s.CompletedAt = s.EndedAt
}

// run goes on with the work to its end, or to that of ctx, when it lets go of it.
func (s *session) run(ctx context.Context, o Options) error {
	s.Holder = s.id
	if err := s.write(ctx); err != nil {
		return err
	}
	o.Rate, o.Repair = s.Rate, s.Repair
	p := &pass{Options: o, at: &s.At, found: &s.Report, pace: newPace(o.Rate), meter: s.meters[s.name], save: s.write, saved: time.Now()}
	err := p.run(ctx)
	if errors.Is(err, errTaken) {
		return err
	}
	if ctx.Err() != nil {
		s.Holder = ""
		return s.write(context.WithoutCancel(ctx))
	}
	return errors.Join(err, s.finish(ctx, err))
}

// finish ends the work. The scrub does not end with a failure: it goes on from
// where it met it.
func (s *session) finish(ctx context.Context, failure error) error {
	if failure != nil && s.name == scrubbing {
		s.Holder = ""
		return s.write(ctx)
	}
	s.end(failure)
	return s.write(ctx)
}
