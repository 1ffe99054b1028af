// Package backup copies what a registry holds to another place while it serves,
// and makes a registry of such a copy.
//
// A target, a directory or a bucket, holds
//
//	blobs/<location>                        the bytes of a blob as the blob store has them, once for all snapshots
//	snapshots/<name>/<table>.jsonl.gz       a line that describes a table, and a JSON list for each row
//	snapshots/<name>/stored-blobs.jsonl.gz  which blobs the snapshot needs, a JSON object for each
//	snapshots/<name>/keys/                  the keys, if they were asked for
//	snapshots/<name>/snapshot.json          what all that is; without it there is no such snapshot
//
// Blobs are never changed, so a backup copies those that the target lacks. They
// are there before the file that makes the snapshot one. The rows say nothing of
// the database that they come from: they load into any.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/open"
	"github.com/nifuda/nifuda/internal/store"
)

// format is the version of what a target holds.
const format = 1

// A Snapshot describes one state of a registry in a target.
type Snapshot struct {
	Format   int       `json:"format"`
	Name     string    `json:"name"`
	TakenAt  time.Time `json:"takenAt"`
	Version  string    `json:"version"` // of the program that took it
	Schema   []string  `json:"schema"`
	Tables   []dumped  `json:"tables"`
	Blobs    Totals    `json:"blobs"`
	List     content   `json:"list"` // of the blobs
	Damaged  []Damage  `json:"damaged,omitempty"`
	Keys     []string  `json:"keys,omitempty"`     // that are in it
	KeyPrint string    `json:"keyPrint,omitempty"` // of the server key that it needs
}

// Totals count blobs.
type Totals struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"` // unsealed
}

// String returns "3 blobs in files (1000 bytes)".
func (t Totals) String() string {
	return fmt.Sprintf("%s in files (%s)", Count(t.Count, "blob"), Count(t.Bytes, "byte"))
}

// Count returns "1 blob", or "2 blobs".
func Count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// A Damage is a blob that is not in the snapshot, because it could not be read
// or was not what it should be.
type Damage struct {
	Digest   string `json:"digest"`
	Location string `json:"location"`
	Reason   string `json:"reason"`
}

// A content is a file of a snapshot.
type content struct {
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// A dumped table is its description and its rows.
type dumped struct {
	store.Table
	content
	Rows int64 `json:"rows"`
}

// An Installation is where a registry has its data.
type Installation struct {
	Database string // sqlite:PATH or postgres://…
	Blobs    string // file:PATH or s3://…
	Data     string // directory
	// KeyRing is the file of the key ring that blobs are sealed with, or "" where
	// there is none.
	KeyRing string
}

// Places in a target.
const (
	blobsIn      = "blobs"
	snapshotsIn  = "snapshots"
	description  = "snapshot.json"
	listOfBlobs  = "stored-blobs.jsonl.gz"
	keysIn       = "keys"
	serverKey    = "server.key"
	keyRing      = "seal-keys"
	nameOfTime   = "20060102T150405.000Z"
	dumpedSuffix = ".jsonl.gz"
)

func placeOfBlob(location string) string { return path.Join(blobsIn, location) }

func placeIn(snapshot string, name ...string) string {
	return path.Join(append([]string{snapshotsIn, snapshot}, name...)...)
}

// blobs is what a backup asks of a blob store.
type blobs interface {
	Walk(ctx context.Context, visit func(blob.Object) error) error
	OpenStored(ctx context.Context, location blob.Location) (io.ReadCloser, error)
	Adopt(ctx context.Context, location blob.Location, content io.Reader) error
	Close() error
}

func openBlobs(ctx context.Context, url string) (blobs, error) {
	opened, err := open.Store(ctx, url, open.Options{})
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return opened, nil
}

// List returns the snapshots of a target, the oldest first.
func List(ctx context.Context, where string) ([]Snapshot, error) {
	t, err := openTarget(ctx, where)
	if err != nil {
		return nil, err
	}
	return snapshots(ctx, t)
}

func snapshots(ctx context.Context, t target) (all []Snapshot, err error) {
	var names []string
	err = t.list(ctx, snapshotsIn, func(name string, _ int64) error {
		if path.Base(name) == description {
			names = append(names, path.Base(path.Dir(name)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		s, err := readSnapshot(ctx, t, name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// ErrNoBackup reports a target without any snapshot.
var ErrNoBackup = errors.New("has no snapshots")

// ErrNoSnapshot reports a snapshot that a target lacks.
var ErrNoSnapshot = errors.New("there is no such snapshot")

func readSnapshot(ctx context.Context, t target, name string) (s Snapshot, err error) {
	r, err := t.open(ctx, placeIn(name, description))
	if errors.Is(err, fs.ErrNotExist) {
		return Snapshot{}, fmt.Errorf("snapshot %s: %w", name, ErrNoSnapshot)
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot %s: %w", name, err)
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return Snapshot{}, fmt.Errorf("snapshot %s: %w", name, err)
	}
	if s.Format != format {
		return Snapshot{}, fmt.Errorf("snapshot %s has format %d: %w", name, s.Format, store.ErrNewerSchema)
	}
	return s, nil
}

// keyPrint recognizes a key and tells nothing about it.
func keyPrint(path string) (string, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("server key: %w", err)
	}
	sum := sha256.Sum256([]byte("nifuda backup key print\n" + strings.TrimSpace(string(key))))
	return hex.EncodeToString(sum[:8]), nil
}
