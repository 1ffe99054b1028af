package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A bucket is a target in S3, or in what speaks its protocol.
type bucket struct {
	api    *s3.Client
	name   string
	prefix string // "" or with a slash at its end
}

// Objects are sent in parts of this size, and smaller ones whole. The largest
// object may have ten thousand parts: from some size on they grow.
const (
	partSize      = 16 << 20
	partsPerSize  = 1000
	mostPartBytes = 512 << 20
)

// openBucket takes s3://bucket/prefix?endpoint=URL&region=NAME&path-style=true
// and the credentials that AWS's tools would take.
func openBucket(ctx context.Context, where string) (target, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("target: want s3://bucket/prefix?endpoint=URL&region=NAME&path-style=true")
	}
	query := u.Query()
	for name := range query {
		if name != "endpoint" && name != "region" && name != "path-style" {
			return nil, fmt.Errorf("target: unknown parameter %q: want endpoint, region or path-style", name)
		}
	}
	pathStyle, err := strconv.ParseBool(query.Get("path-style"))
	if err != nil && query.Has("path-style") {
		return nil, errors.New("target: path-style is true or false")
	}
	var options []func(*config.LoadOptions) error
	if region := query.Get("region"); region != "" {
		options = append(options, config.WithRegion(region))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	if settings.Region == "" {
		settings.Region = "us-east-1"
	}
	b := bucket{name: u.Host, prefix: strings.Trim(u.Path, "/")}
	if b.prefix != "" {
		b.prefix += "/"
	}
	b.api = s3.NewFromConfig(settings, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		// Not every server knows the newer checksums; TLS and our own protect what is sent.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		if endpoint := query.Get("endpoint"); endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})
	return b, nil
}

// put sends what fits into one part as one object, and the rest in parts. Each is
// in memory, so that it can be sent again.
func (b bucket) put(ctx context.Context, name string, content io.Reader) error {
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
	_, err = b.api.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: b.key(name), Body: bytes.NewReader(part.Bytes())})
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

func (b bucket) putParts(ctx context.Context, name string, part *bytes.Buffer, content io.Reader) error {
	upload, err := b.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: b.key(name)})
	if err != nil {
		return err
	}
	parts, err := b.sendParts(ctx, name, upload.UploadId, part, content)
	if err == nil {
		_, err = b.api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.name, Key: b.key(name), UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err == nil {
		return nil
	}
	// The caller's context may be what ended it; what was sent costs money.
	_, aborted := b.api.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: b.key(name), UploadId: upload.UploadId})
	return errors.Join(err, aborted)
}

func (b bucket) sendParts(ctx context.Context, name string, upload *string, part *bytes.Buffer, content io.Reader) (parts []types.CompletedPart, err error) {
	size := int64(partSize)
	for more := true; part.Len() > 0; {
		number := aws.Int32(int32(len(parts) + 1))
		sent, err := b.api.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.name, Key: b.key(name), UploadId: upload, PartNumber: number, Body: bytes.NewReader(part.Bytes()),
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, types.CompletedPart{ETag: sent.ETag, PartNumber: number})
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

func (b bucket) open(ctx context.Context, name string) (io.ReadCloser, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: b.key(name)})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return out.Body, nil
}

func (b bucket) list(ctx context.Context, directory string, visit func(name string, size int64) error) error {
	pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: b.key(directory + "/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			if err := visit(strings.TrimPrefix(aws.ToString(object.Key), b.prefix), aws.ToInt64(object.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b bucket) remove(ctx context.Context, name string) error {
	_, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: b.key(name)})
	return err
}

// flush does nothing: what S3 has answered is durable.
func (bucket) flush(context.Context) error { return nil }

// lock does nothing: S3 has no lock that ends with a process.
func (bucket) lock() (func() error, error) { return func() error { return nil }, nil }

func (bucket) scratch() string { return path.Clean(os.TempDir()) }
