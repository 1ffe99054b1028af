package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"
)

// How long an answer of the bucket serves every Ping, and how long one may take.
const (
	goodFor      = 5 * time.Second
	badFor       = time.Second
	pingPatience = 10 * time.Second
)

// pinged is the name of what Ping writes, and what it writes. Nothing is ever
// written under the name that Check deletes.
const (
	pinged      = "ping"
	pingContent = "nifuda"
	deleted     = "ping-deleted"
)

// Ping writes a few bytes and reads them, always under the same key. In between
// it repeats the last answer. However often it is asked, one is under way.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case answer := <-s.probes.DoChan("", s.cachedProbe):
		return answer.Err
	case <-ctx.Done():
		return fmt.Errorf("ping bucket: %w", ctx.Err())
	}
}

// cachedProbe runs in one goroutine at a time.
func (s *Store) cachedProbe() (any, error) {
	serves := goodFor
	if s.probeErr != nil {
		serves = badFor
	}
	if !s.probed.IsZero() && s.now().Sub(s.probed) < serves {
		return nil, s.probeErr
	}
	ctx, cancel := context.WithTimeout(context.Background(), pingPatience)
	defer cancel()
	s.probeErr = s.bucket.Explain(s.probe(ctx))
	s.probed = s.now()
	return nil, s.probeErr
}

func (s *Store) probe(ctx context.Context) error {
	content := &buffer{slabs: [][]byte{[]byte(pingContent)}, size: int64(len(pingContent))}
	if err := s.putObject(ctx, pinged, content); err != nil {
		return err
	}
	out, err := s.bucket.API.GetObject(ctx, &api.GetObjectInput{Bucket: &s.bucket.Bucket, Key: s.bucket.Key(pinged)})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(out.Body, 1<<10))
	if err = errors.Join(err, out.Body.Close()); err == nil && string(got) != pingContent {
		err = errors.New("the bucket gives other bytes than it was given")
	}
	return err
}

// Check says in words why the bucket cannot be used, if so: it is there, in this
// region, and may be listed, written, read and emptied with these credentials. Nodes
// that start at once check the same bucket, so it deletes nothing that another may
// be about to read: a bucket answers alike whether there is something to delete.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*pingPatience)
	defer cancel()
	_, err := s.bucket.API.ListObjectsV2(ctx, &api.ListObjectsV2Input{Bucket: &s.bucket.Bucket, Prefix: s.bucket.Key(""), MaxKeys: aws.Int32(1)})
	if err == nil {
		err = s.probe(ctx)
	}
	if err == nil {
		err = s.delete(ctx, deleted)
	}
	return s.bucket.Explain(err)
}
