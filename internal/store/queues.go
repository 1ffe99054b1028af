package store

import (
	"context"
	"errors"
	"math"
)

// QueueHeads are when the first of each kind of waiting thing was due, or was
// deleted, in Unix milliseconds; [math.MaxInt64] where none waits.
type QueueHeads struct {
	LinkDue, FileDue                    int64
	ImageDeletedAt, RepositoryDeletedAt int64
}

// QueueHeads returns what comes first in each queue of what is due at a time, or was
// deleted until another, for the price of a row each.
func (q queries) QueueHeads(ctx context.Context, due, deleted int64) (h QueueHeads, err error) {
	for _, queue := range []struct {
		head      *int64
		until     int64
		statement string
	}{
		{&h.LinkDue, due, `SELECT due_at FROM link_checks WHERE due_at <= $1 ORDER BY due_at, repository_id, digest LIMIT 1`},
		{&h.FileDue, due, `SELECT delete_after FROM trash WHERE delete_after <= $1 ORDER BY delete_after, location LIMIT 1`},
		{&h.ImageDeletedAt, deleted, `SELECT deleted_at FROM deleted_images WHERE deleted_at <= $1 ORDER BY deleted_at, id LIMIT 1`},
		{&h.RepositoryDeletedAt, deleted, `SELECT deleted_at FROM deleted_repositories WHERE deleted_at <= $1 ORDER BY deleted_at, repository_id LIMIT 1`},
	} {
		*queue.head = math.MaxInt64
		if err := q.get(ctx, queue.statement, []any{queue.until}, queue.head); err != nil && !errors.Is(err, ErrNotFound) {
			return h, err
		}
	}
	return h, nil
}
