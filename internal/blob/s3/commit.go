package s3

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/bucket"
	"github.com/nifuda/nifuda/internal/seal"
)

// completions is how often the parts are asked to become an object.
const completions = 5

// firstPause is the longest time before the second attempt; it doubles.
const firstPause = 200 * time.Millisecond

// Commit makes an object of the bytes. SHA-512 is not known of what was sent: the
// finished object is read for it, and removed if it has another.
func (w *writer) Commit(ctx context.Context, candidates ...digest.Digest) (blob.Location, digest.Digest, error) {
	defer w.end(ctx) //nolint:errcheck // what is left behind is swept
	if err := w.ready(ctx); err != nil {
		return "", "", err
	}
	d := digest.NewDigest(digest.SHA256, w.hash)
	known := slices.Contains(candidates, d)
	if !known && !slices.ContainsFunc(candidates, isSHA512) {
		return "", "", blob.ErrDigestMismatch
	}
	if err := w.finish(ctx); err != nil {
		return "", "", fmt.Errorf("commit upload %s: %w", w.id, err)
	}
	if !known {
		var err error
		if d, err = w.matchSHA512(ctx, candidates); err != nil {
			return "", "", err
		}
	}
	w.keep = true
	w.tidy(ctx, w.tail, w.previous)
	return w.location, d, nil
}

func isSHA512(d digest.Digest) bool {
	return d.Validate() == nil && d.Algorithm() == digest.SHA512
}

// matchSHA512 reads the finished object. What was sent in parts is lost if it is
// not among the candidates; what was not can be resumed.
func (w *writer) matchSHA512(ctx context.Context, candidates []digest.Digest) (digest.Digest, error) {
	sum, err := w.sha512(ctx)
	if err == nil && slices.Contains(candidates, sum) {
		return sum, nil
	}
	if err == nil {
		err = blob.ErrDigestMismatch
	}
	if removed := w.store.Remove(context.WithoutCancel(ctx), w.location); removed != nil {
		err = errors.Join(err, removed)
	}
	return "", err
}

func (w *writer) sha512(ctx context.Context) (digest.Digest, error) {
	var key *seal.Key
	if w.sealer != nil {
		key = w.sealer.key
	}
	object, err := w.store.Open(ctx, w.location, key, w.size)
	if err != nil {
		return "", fmt.Errorf("hash upload %s: %w", w.id, err)
	}
	defer object.Close()
	h := sha512.New()
	if _, err := io.Copy(h, object); err != nil {
		return "", fmt.Errorf("hash upload %s: %w", w.id, err)
	}
	return digest.NewDigest(digest.SHA512, h), nil
}

// finish makes an object at the location of all that was written.
func (w *writer) finish(ctx context.Context) error {
	if w.sealer != nil {
		if err := w.sealLast(); err != nil {
			return err
		}
	}
	if err := w.await(); err != nil {
		return err
	}
	if w.upload == "" {
		return w.finishWhole(ctx)
	}
	if w.filling != nil && w.filling.size > 0 {
		if err := w.send(); err != nil {
			return err
		}
		if err := w.await(); err != nil {
			return err
		}
	}
	return w.complete(ctx)
}

// finishWhole sends an object that is in no parts. Each attempt to commit has a
// location of its own: what is left of one that failed, and may arrive later, must
// not replace what another has committed.
func (w *writer) finishWhole(ctx context.Context) error {
	if w.location == locate(w.id) {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		w.location = locate(id)
	}
	return w.store.explain("send the object", w.store.putObject(ctx, w.name(), w.filling))
}

// complete has the bucket make an object of the parts. The bucket may do so and
// its answer be lost: then a second attempt finds no parts, but the object.
func (w *writer) complete(ctx context.Context) error {
	asked := false // an attempt may have had its effect
	for attempt := 0; ; attempt++ {
		err := w.completeOnce(ctx)
		switch {
		case err == nil, asked && bucket.IsNoSuchUpload(err):
			return w.check(ctx)
		case !bucket.IsUnavailable(err) && !bucket.IsInvalidPart(err):
			return w.store.explain("complete the object", err)
		case attempt == completions-1:
			return w.checkLast(ctx, err)
		}
		asked = true
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// checkLast tells what became of an upload whose last attempt failed.
func (w *writer) checkLast(ctx context.Context, err error) error {
	if w.check(ctx) == nil {
		return nil
	}
	if bucket.IsInvalidPart(err) {
		err = &blob.UnavailableError{Err: err} // whoever comes again sends other parts
	}
	return w.store.explain("complete the object", err)
}

// pause waits a random time, longer after each attempt.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(rand.N(firstPause << attempt)) //nolint:gosec // no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) completeOnce(ctx context.Context) error {
	s := w.store
	completed := make([]types.CompletedPart, len(w.parts))
	for i, p := range w.parts {
		completed[i] = types.CompletedPart{ETag: &w.parts[i].etag, PartNumber: aws.Int32(p.number), ChecksumCRC32C: s.checksum(p.crc)}
	}
	_, err := s.bucket.API.CompleteMultipartUpload(ctx, &api.CompleteMultipartUploadInput{
		Bucket: &s.bucket.Bucket, Key: s.bucket.Key(w.name()), UploadId: &w.upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	}, func(o *api.Options) { o.Retryer = aws.NopRetryer{} })
	return err
}

// check makes sure that the object is what was sent. Another writer of the same
// upload, that was believed dead, may have sent other parts.
func (w *writer) check(ctx context.Context) error {
	object, err := w.store.head(ctx, w.name())
	if err != nil {
		return err
	}
	sum := aws.ToString(object.ChecksumCRC32C)
	wrong := ""
	switch {
	case aws.ToInt64(object.ContentLength) != w.written:
		wrong = fmt.Sprintf("%d bytes instead of %d", aws.ToInt64(object.ContentLength), w.written)
	case strings.Contains(sum, "-") && sum != composite(w.parts):
		wrong = "the checksum " + sum + " instead of " + composite(w.parts)
	default:
		return nil
	}
	err = fmt.Errorf("the finished object has %s", wrong)
	return errors.Join(err, w.store.Remove(context.WithoutCancel(ctx), w.location))
}

func (s *Store) head(ctx context.Context, name string) (*api.HeadObjectOutput, error) {
	in := &api.HeadObjectInput{Bucket: &s.bucket.Bucket, Key: s.bucket.Key(name)}
	if s.bucket.Checksums {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	object, err := s.bucket.API.HeadObject(ctx, in)
	return object, s.explain("look at "+name, err)
}
