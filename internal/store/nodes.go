package store

import (
	"context"
	"database/sql"
)

// A Node is a process that serves from the database, or works on it.
type Node struct {
	ID        string // UUIDv7
	Host      string
	Role      string
	Version   string
	StartedAt int64 // Unix milliseconds, by the node's clock
	SeenAt    int64 // likewise
	Beat      int64 // grows while the node lives
}

// InsertNode adds a node.
func (q queries) InsertNode(ctx context.Context, n Node) error {
	_, err := q.exec(ctx, `INSERT INTO nodes (id, host, role, version, started_at, seen_at, beat) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		n.ID, n.Host, n.Role, n.Version, n.StartedAt, n.SeenAt, n.Beat)
	return err
}

// Beat says that a node lives. It reports whether the others still hold it for
// one that does.
func (q queries) Beat(ctx context.Context, id string, now int64) (bool, error) {
	n, err := q.exec(ctx, `UPDATE nodes SET beat = beat + 1, seen_at = $2 WHERE id = $1`, id, now)
	return n == 1, err
}

// Nodes returns all nodes in the order of their ids: that of their starts.
func (q queries) Nodes(ctx context.Context) ([]Node, error) {
	return list(ctx, q, func(rows *sql.Rows) (n Node, err error) {
		err = rows.Scan(&n.ID, &n.Host, &n.Role, &n.Version, &n.StartedAt, &n.SeenAt, &n.Beat)
		return n, err
	}, `SELECT id, host, role, version, started_at, seen_at, beat FROM nodes ORDER BY id`)
}

// DeleteNode removes a node that ends, and with it its leases and claims.
func (q queries) DeleteNode(ctx context.Context, id string) error {
	_, err := q.exec(ctx, `DELETE FROM nodes WHERE id = $1`, id)
	return err
}

// DeleteDeadNode is DeleteNode for one that was last seen with a beat, unless it
// has had another one since. It reports whether the node is gone.
func (q queries) DeleteDeadNode(ctx context.Context, id string, beat int64) (bool, error) {
	n, err := q.exec(ctx, `DELETE FROM nodes WHERE id = $1 AND beat = $2`, id, beat)
	return n == 1, err
}

// A Lease is a work that only one node does, and which.
type Lease struct{ Name, NodeID string }

// Leases returns the leases that nodes have.
func (q queries) Leases(ctx context.Context) ([]Lease, error) {
	return list(ctx, q, func(rows *sql.Rows) (l Lease, err error) {
		err = rows.Scan(&l.Name, &l.NodeID)
		return l, err
	}, `SELECT name, node_id FROM leases ORDER BY name`)
}

// TakeLease gives a lease to a node unless another one has it. A node that is
// gone makes it fail with a foreign-key error.
func (q queries) TakeLease(ctx context.Context, name, nodeID string) (bool, error) {
	n, err := q.exec(ctx, `INSERT INTO leases (name, node_id) VALUES ($1,$2)
		ON CONFLICT (name) DO UPDATE SET node_id = excluded.node_id WHERE leases.node_id = excluded.node_id`, name, nodeID)
	return n == 1, err
}

// EndLease takes a lease from a node, if it has it.
func (q queries) EndLease(ctx context.Context, name, nodeID string) error {
	_, err := q.exec(ctx, `DELETE FROM leases WHERE name = $1 AND node_id = $2`, name, nodeID)
	return err
}

// ClaimUpload gives an upload to a node unless another one has it. A node that
// is gone makes it fail with a foreign-key error.
func (q queries) ClaimUpload(ctx context.Context, id, nodeID string) (bool, error) {
	n, err := q.exec(ctx, `INSERT INTO upload_claims (upload_id, node_id) VALUES ($1,$2)
		ON CONFLICT (upload_id) DO UPDATE SET node_id = excluded.node_id WHERE upload_claims.node_id = excluded.node_id`, id, nodeID)
	return n == 1, err
}

// ReleaseUpload takes an upload from a node, if it has it.
func (q queries) ReleaseUpload(ctx context.Context, id, nodeID string) error {
	_, err := q.exec(ctx, `DELETE FROM upload_claims WHERE upload_id = $1 AND node_id = $2`, id, nodeID)
	return err
}
