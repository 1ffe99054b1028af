package store

import (
	"context"
	"database/sql"
)

// An Event is a row of the outbox.
type Event struct {
	ID, Account, Region   string
	Type, Resource, Actor string
	Detail                string // JSON object
	At                    int64  // Unix milliseconds
}

// InsertEvent records what this transaction did.
func (tx *Tx) InsertEvent(ctx context.Context, e Event) error {
	_, err := tx.exec(ctx, `INSERT INTO events (id, account, region, type, resource, actor, detail, at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		e.ID, e.Account, e.Region, e.Type, e.Resource, e.Actor, e.Detail, e.At)
	return err
}

func scanEvent(rows *sql.Rows) (e Event, err error) {
	err = rows.Scan(&e.ID, &e.Account, &e.Region, &e.Type, &e.Resource, &e.Actor, &e.Detail, &e.At)
	return e, err
}

// NewestEvents returns events of a registry whose ids are between two, newest first.
func (q queries) NewestEvents(ctx context.Context, account, region, after, before string, limit int) ([]Event, error) {
	return list(ctx, q, scanEvent, `SELECT id, account, region, type, resource, actor, detail, at FROM events
		WHERE account = $1 AND region = $2 AND id > $3 AND id < $4 ORDER BY id DESC LIMIT $5`, account, region, after, before, limit)
}

// NewestEventsOf is NewestEvents of one resource, by its ARN.
func (q queries) NewestEventsOf(ctx context.Context, resource, after, before string, limit int) ([]Event, error) {
	return list(ctx, q, scanEvent, `SELECT id, account, region, type, resource, actor, detail, at FROM events
		WHERE resource = $1 AND id > $2 AND id < $3 ORDER BY id DESC LIMIT $4`, resource, after, before, limit)
}

// Events returns events after the given id, oldest first.
func (q queries) Events(ctx context.Context, after string, limit int) ([]Event, error) {
	return list(ctx, q, scanEvent, `SELECT id, account, region, type, resource, actor, detail, at FROM events WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// DeleteEvents forgets up to limit events from before a time, the oldest first,
// and returns how many.
func (tx *Tx) DeleteEvents(ctx context.Context, before int64, limit int) (int64, error) {
	// Two statements: of one, PostgreSQL does not know how few it is about, and
	// may read the whole table.
	ids, err := list(ctx, tx.queries, scanString, `SELECT id FROM events WHERE at < $1 ORDER BY at LIMIT $2`, before, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return tx.exec(ctx, `DELETE FROM events WHERE id IN (SELECT value FROM json_each($1))`, jsonList(ids))
}
