package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/nifuda/nifuda/internal/bucket"
)

// A bucketTarget is a target in S3, or in what speaks its protocol.
type bucketTarget struct{ *bucket.Bucket }

// Objects are sent in parts of this size, and smaller ones whole. The largest
// object may have ten thousand parts: from some size on they grow.
const (
	partSize      = 16 << 20
	partsPerSize  = 1000
	mostPartBytes = 512 << 20
)

// openBucket takes the URL that package bucket describes, and the credentials
// that AWS's tools would take.
func openBucket(ctx context.Context, where string) (target, error) {
	address, err := bucket.ParseAddress(where)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	b, err := bucket.Open(ctx, address, bucket.Options{})
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	return bucketTarget{b}, nil
}

// put sends what fits into one part as one object, and the rest in parts. Each is
// in memory, so that it can be sent again.
func (b bucketTarget) put(ctx context.Context, name string, content io.Reader) error {
	if !fs.ValidPath(name) {
		return fmt.Errorf("malformed name %q", name)
	}
	var part bytes.Buffer
	more, err := nextPart(&part, content, partSize)
	if err != nil {
		return err
	}
	if more {
		return b.putParts(ctx, name, &part, content)
	}
	in := &s3.PutObjectInput{Bucket: &b.Bucket.Bucket, Key: b.Key(name), Body: bytes.NewReader(part.Bytes())}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = b.Encryption()
	_, err = b.API.PutObject(ctx, in)
	return err
}

// nextPart fills part and reports whether there may be more.
func nextPart(part *bytes.Buffer, content io.Reader, size int64) (more bool, err error) {
	part.Reset()
	_, err = io.CopyN(part, content, size)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return true, err
}

func (b bucketTarget) putParts(ctx context.Context, name string, part *bytes.Buffer, content io.Reader) error {
	in := &s3.CreateMultipartUploadInput{Bucket: &b.Bucket.Bucket, Key: b.Key(name)}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = b.Encryption()
	if b.Checksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	upload, err := b.API.CreateMultipartUpload(ctx, in)
	if err != nil {
		return err
	}
	parts, err := b.sendParts(ctx, name, upload.UploadId, part, content)
	if err == nil {
		_, err = b.API.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.Bucket.Bucket, Key: b.Key(name), UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err == nil {
		return nil
	}
	// The caller's context may be what ended it; what was sent costs money.
	_, aborted := b.API.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{Bucket: &b.Bucket.Bucket, Key: b.Key(name), UploadId: upload.UploadId})
	return errors.Join(err, aborted)
}

func (b bucketTarget) sendParts(ctx context.Context, name string, upload *string, part *bytes.Buffer, content io.Reader) (parts []types.CompletedPart, err error) {
	size := int64(partSize)
	for more := true; part.Len() > 0; {
		number := aws.Int32(int32(len(parts) + 1))
		sent, err := b.API.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.Bucket.Bucket, Key: b.Key(name), UploadId: upload, PartNumber: number, Body: bytes.NewReader(part.Bytes()),
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, types.CompletedPart{ETag: sent.ETag, PartNumber: number, ChecksumCRC32: sent.ChecksumCRC32})
		if !more {
			break
		}
		if len(parts)%partsPerSize == 0 {
			size = min(2*size, mostPartBytes)
		}
		if more, err = nextPart(part, content, size); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (b bucketTarget) open(ctx context.Context, name string) (io.ReadCloser, error) {
	out, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket.Bucket, Key: b.Key(name)})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return out.Body, nil
}

func (b bucketTarget) list(ctx context.Context, directory string, visit func(name string, size int64) error) error {
	pages := s3.NewListObjectsV2Paginator(b.API, &s3.ListObjectsV2Input{Bucket: &b.Bucket.Bucket, Prefix: b.Key(directory + "/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			if err := visit(strings.TrimPrefix(aws.ToString(object.Key), b.Prefix), aws.ToInt64(object.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b bucketTarget) remove(ctx context.Context, name string) error {
	_, err := b.API.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Bucket.Bucket, Key: b.Key(name)})
	return err
}

// flush does nothing: what S3 has answered is durable.
func (bucketTarget) flush(context.Context) error { return nil }

// lock does nothing: S3 has no lock that ends with a process.
func (bucketTarget) lock() (func() error, error) { return func() error { return nil }, nil }

func (bucketTarget) scratch() string { return path.Clean(os.TempDir()) }
