package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/store"
)

// EventFilter selects events; what is zero selects all.
type EventFilter struct {
	Repository string // name
	Name       string // as [event.Summary] has it
	Actor      string // ARN
	From, To   time.Time
	NewerThan  string // id of an event
}

// A RegistryEvent is something that happened in a registry.
type RegistryEvent struct {
	event.Summary
	ID     string // UUIDv7
	At     time.Time
	Actor  string // ARN; "" is the server itself
	Detail string // JSON object
}

const (
	// atEvent is the kind of positions among events.
	atEvent = "event"
	// A page looks at this many events in search of those that it shows, so many at
	// a time.
	eventsLookedAt = 5000
	eventsAtOnce   = 500
	// An event has its id after its time: by no more than a transaction may wait.
	eventDelay = time.Hour
)

// Events returns what happened in a registry, newest first, at most limit. A page
// may have fewer events than the next, for it only looks at so many.
func (r *Registry) Events(ctx context.Context, id ID, filter EventFilter, after Cursor, limit int) (events []RegistryEvent, next Cursor, err error) {
	if after != (Cursor{}) && after.Kind != atEvent {
		return nil, Cursor{}, foreignPosition()
	}
	s := eventSearch{r, id, filter, cmp.Or(after.Key, filter.before())}
	batch := eventsAtOnce
	if filter.Name == "" && filter.Actor == "" {
		batch = limit + 1
	}
	events = []RegistryEvent{}
	for looked := 0; looked < eventsLookedAt; looked += batch {
		rows, err := s.next(ctx, batch)
		if err != nil {
			return nil, Cursor{}, fmt.Errorf("read events: %w", err)
		}
		for _, row := range rows {
			shown := eventOf(row)
			if !filter.selects(shown) {
				continue
			}
			if len(events) == limit {
				return events, Cursor{atEvent, events[limit-1].ID}, nil
			}
			events = append(events, shown)
		}
		if len(rows) < batch {
			return events, Cursor{}, nil
		}
	}
	return events, Cursor{atEvent, s.before}, nil
}

// An eventSearch goes through a registry's events, newest first.
type eventSearch struct {
	*Registry
	id     ID
	filter EventFilter
	before string // id
}

func (s *eventSearch) next(ctx context.Context, limit int) (rows []store.Event, err error) {
	after := max(s.filter.NewerThan, idAt(s.filter.From))
	if s.filter.Repository != "" {
		rows, err = s.store.NewestEventsOf(ctx, s.id.ARN(s.filter.Repository), after, s.before, limit)
	} else {
		rows, err = s.store.NewestEvents(ctx, s.id.Account, s.id.Region, after, s.before, limit)
	}
	if len(rows) > 0 {
		s.before = rows[len(rows)-1].ID
	}
	return rows, err
}

// before is an id after those of all events that the filter selects.
func (f EventFilter) before() string {
	if f.To.IsZero() {
		return afterAllIDs
	}
	return idAt(f.To.Add(eventDelay))
}

// idAt is what all ids that are made from a time on come after, and no others.
func idAt(at time.Time) string {
	if at.IsZero() || at.UnixMilli() < 0 {
		return ""
	}
	digits := fmt.Sprintf("%012x", at.UnixMilli())
	return digits[:8] + "-" + digits[8:]
}

func (f EventFilter) selects(e RegistryEvent) bool {
	return (f.Name == "" || f.Name == e.Name) && (f.Actor == "" || f.Actor == e.Actor) &&
		(f.From.IsZero() || !e.At.Before(f.From)) && (f.To.IsZero() || e.At.Before(f.To))
}

func eventOf(row store.Event) RegistryEvent {
	return RegistryEvent{
		Summary: event.Summarize(row.Type, []byte(row.Detail)), ID: row.ID, At: time.UnixMilli(row.At), Actor: row.Actor, Detail: row.Detail,
	}
}

// recordImageAction writes the event of an image's push or deletion.
func recordImageAction(ctx context.Context, tx *store.Tx, n RepositoryName, actor string, now int64, a event.ImageAction) error {
	a.Result, a.Repository = event.Success, n.Name
	return recordEvent(ctx, tx, n.Registry, n.ARN(), actor, now, a)
}

// recordChange writes the event of a change of a repository, or of a registry as a
// whole if it has no name.
func recordChange(ctx context.Context, tx *store.Tx, n RepositoryName, actor string, now int64, c event.Change) error {
	c.Result, c.Repository = event.Success, n.Name
	return recordEvent(ctx, tx, n.Registry, n.Registry.ARN(cmp.Or(n.Name, "*")), actor, now, c)
}

func recordEvent(ctx context.Context, tx *store.Tx, id ID, resource, actor string, now int64, d event.Detail) error {
	detail, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return tx.InsertEvent(ctx, store.Event{
		ID: newID(), Account: id.Account, Region: id.Region, Type: d.DetailType(),
		Resource: resource, Actor: actor, Detail: string(detail), At: now,
	})
}
