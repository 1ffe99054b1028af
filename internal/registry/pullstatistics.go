package registry

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// PullStatistics ask how often something was pulled.
type PullStatistics struct {
	Repository  RepositoryName
	Tag, Digest string    // at most one of them; without, all of the repository is meant
	From, To    time.Time // days, both included; the zero time is without bound
}

// Pulled is how often something was pulled, and when last, on one day or several.
type Pulled struct {
	Day   time.Time // midnight in UTC; zero for a total
	Pulls int64
	Last  time.Time // zero if there was none
}

// atDay is the kind of positions among days.
const atDay = "day"

// PullStatistics returns how often something was pulled, in all and on each day on
// which it was, the newest first, at most limit. Of what never was there is nothing.
// Pulls of the last half minute may be missing.
func (r *Registry) PullStatistics(ctx context.Context, in PullStatistics, after Cursor, limit int) (total Pulled, days []Pulled, next Cursor, err error) {
	from, to := in.bounds()
	last := to
	if after != (Cursor{}) {
		day, err := strconv.ParseInt(after.Key, 10, 64)
		if err != nil || after.Kind != atDay {
			return Pulled{}, nil, Cursor{}, foreignPosition()
		}
		last = min(to, day-1)
	}
	repositoryID, err := r.repositoryID(ctx, in.Repository)
	if err != nil {
		return Pulled{}, nil, Cursor{}, err
	}
	reference := in.Digest + in.Tag
	sum, err := r.store.TotalPulls(ctx, repositoryID, reference, from, to)
	if err != nil {
		return Pulled{}, nil, Cursor{}, fmt.Errorf("add up pulls: %w", err)
	}
	rows, err := r.store.PullCounts(ctx, repositoryID, reference, from, last, limit+1)
	if err != nil {
		return Pulled{}, nil, Cursor{}, fmt.Errorf("read pulls: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = Cursor{atDay, strconv.FormatInt(rows[limit-1].Day, 10)}
	}
	days = make([]Pulled, len(rows))
	for i, row := range rows {
		days[i] = pulledOf(row)
		days[i].Day = time.UnixMilli(row.Day * (24 * time.Hour).Milliseconds()).UTC()
	}
	return pulledOf(sum), days, next, nil
}

// bounds are the first and the last day.
func (in PullStatistics) bounds() (from, to int64) {
	from, to = 0, dayOf(1<<53)
	if !in.From.IsZero() {
		from = dayOf(in.From.UnixMilli())
	}
	if !in.To.IsZero() {
		to = dayOf(in.To.UnixMilli())
	}
	return from, to
}

func pulledOf(c store.PullCount) Pulled {
	p := Pulled{Pulls: c.Pulls}
	if c.LastAt != 0 {
		p.Last = time.UnixMilli(c.LastAt)
	}
	return p
}
