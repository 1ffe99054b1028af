package s3

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/bucket"
)

// Walk visits the finished objects. The digest of what was uploaded here is not
// known: it has none until all of it is in the bucket.
func (s *Store) Walk(ctx context.Context, visit func(blob.Object) error) error {
	return s.list(ctx, blobs, func(name string, o types.Object) error {
		location := blob.Location(strings.TrimPrefix(name, blobs))
		if !validLocation(location) {
			return nil
		}
		return visit(blob.Object{Location: location, Digest: digestOf(location), Size: aws.ToInt64(o.Size), ModTime: aws.ToTime(o.LastModified)})
	})
}

// list visits the objects whose names begin with a text.
func (s *Store) list(ctx context.Context, beginning string, visit func(name string, o types.Object) error) error {
	pages := api.NewListObjectsV2Paginator(s.bucket.API, &api.ListObjectsV2Input{Bucket: &s.bucket.Bucket, Prefix: s.bucket.Key(beginning)})
	for pages.HasMorePages() {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.explain("list "+beginning, err)
		}
		for _, o := range page.Contents {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(strings.TrimPrefix(aws.ToString(o.Key), s.bucket.Prefix), o); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveUploads drops the parts and rests of uploads that nobody has written to
// since olderThan, on whatever node, and returns of how many uploads.
func (s *Store) RemoveUploads(ctx context.Context, olderThan time.Time) (int, error) {
	removed := 0
	err := s.eachUpload(ctx, func(u types.MultipartUpload) error {
		gone, err := s.removeUpload(ctx, u, olderThan)
		if gone {
			removed++
		}
		return err
	})
	if err != nil {
		return removed, fmt.Errorf("sweep uploads: %w", err)
	}
	err = s.list(ctx, tails, func(name string, o types.Object) error {
		if !aws.ToTime(o.LastModified).Before(olderThan) {
			return nil
		}
		removed++
		return s.explain("remove the rest of an upload", s.delete(ctx, name))
	})
	if err != nil {
		return removed, fmt.Errorf("sweep uploads: %w", err)
	}
	return removed, nil
}

func (s *Store) eachUpload(ctx context.Context, visit func(types.MultipartUpload) error) error {
	pages := api.NewListMultipartUploadsPaginator(s.bucket.API, &api.ListMultipartUploadsInput{Bucket: &s.bucket.Bucket, Prefix: s.bucket.Key(blobs)})
	for pages.HasMorePages() {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.explain("list uploads", err)
		}
		for _, u := range page.Uploads {
			if err := visit(u); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeUpload drops the parts of an upload unless some part, or a rest, is of
// the time since.
func (s *Store) removeUpload(ctx context.Context, u types.MultipartUpload, olderThan time.Time) (bool, error) {
	location := blob.Location(strings.TrimPrefix(aws.ToString(u.Key), s.bucket.Prefix+blobs))
	if !validLocation(location) || !aws.ToTime(u.Initiated).Before(olderThan) {
		return false, nil
	}
	touched, err := s.touchedSince(ctx, u, location, olderThan)
	if err != nil || touched {
		return false, err
	}
	_, err = s.bucket.API.AbortMultipartUpload(ctx, &api.AbortMultipartUploadInput{Bucket: &s.bucket.Bucket, Key: u.Key, UploadId: u.UploadId})
	if bucket.IsMissing(err) {
		return false, nil
	}
	return err == nil, s.explain("drop parts", err)
}

func (s *Store) touchedSince(ctx context.Context, u types.MultipartUpload, location blob.Location, since time.Time) (touched bool, err error) {
	pages := api.NewListPartsPaginator(s.bucket.API, &api.ListPartsInput{Bucket: &s.bucket.Bucket, Key: u.Key, UploadId: u.UploadId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if bucket.IsMissing(err) {
			return true, nil // it has just ended
		}
		if err != nil {
			return false, s.explain("list parts", err)
		}
		for _, p := range page.Parts {
			if !aws.ToTime(p.LastModified).Before(since) {
				return true, nil
			}
		}
	}
	_, id, _ := strings.Cut(string(location), "/")
	err = s.list(ctx, tails+id+"/", func(_ string, o types.Object) error {
		touched = touched || !aws.ToTime(o.LastModified).Before(since)
		return nil
	})
	return touched, err
}
