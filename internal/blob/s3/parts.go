package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/bucket"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// send begins to send what is filled as the next part, when the one before has
// arrived.
func (w *writer) send() error {
	if err := w.await(); err != nil {
		return err
	}
	if w.number == w.store.limits.parts {
		return errTooLarge
	}
	w.number++
	full, number, arrived := w.filling, w.number, make(chan arrival, 1)
	w.filling, w.sending = nil, arrived
	go func() {
		p, err := w.sendPart(number, full)
		full.release()
		arrived <- arrival{p, err}
	}()
	return nil
}

// await returns when no part is on its way.
func (w *writer) await() error {
	if w.sending == nil {
		return nil
	}
	arrived := <-w.sending
	w.sending = nil
	if arrived.err == nil {
		w.parts = append(w.parts, arrived.part)
	}
	return arrived.err
}

func (w *writer) sendPart(number int32, full *buffer) (part, error) {
	if err := w.begin(); err != nil {
		return part{}, err
	}
	p := part{number: number, crc: full.crc()}
	sent, err := w.store.bucket.API.UploadPart(w.ctx, &api.UploadPartInput{
		Bucket: &w.store.bucket.Bucket, Key: w.store.bucket.Key(w.name()), UploadId: &w.upload, PartNumber: &number,
		Body: full.reader(), ContentLength: &full.size, ChecksumCRC32C: w.store.checksum(p.crc),
	}, w.store.bucket.Unsigned)
	if err != nil {
		return part{}, w.store.explain(fmt.Sprintf("send part %d", number), err)
	}
	p.etag = aws.ToString(sent.ETag)
	return p, nil
}

// begin has the bucket take parts.
func (w *writer) begin() error {
	if w.upload != "" {
		return nil
	}
	s := w.store
	in := &api.CreateMultipartUploadInput{Bucket: &s.bucket.Bucket, Key: s.bucket.Key(w.name()), ContentType: aws.String(contentType)}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = s.bucket.Encryption()
	if s.bucket.Checksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c
	}
	begun, err := s.bucket.API.CreateMultipartUpload(w.ctx, in)
	if err != nil {
		return s.explain("begin to send parts", err)
	}
	w.upload = aws.ToString(begun.UploadId)
	return nil
}

func (b *buffer) crc() (crc uint32) {
	left := b.size
	for _, slab := range b.slabs {
		n := min(left, slabSize)
		crc = crc32.Update(crc, castagnoli, slab[:n])
		left -= n
	}
	return crc
}

// checksum is a CRC as S3 writes it, or nil where the server knows none.
func (s *Store) checksum(crc uint32) *string {
	if !s.bucket.Checksums {
		return nil
	}
	return aws.String(encodeCRC(crc))
}

func encodeCRC(crc uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
}

// composite is the checksum that S3 makes of those of parts.
func composite(parts []part) string {
	var all []byte
	for _, p := range parts {
		all = binary.BigEndian.AppendUint32(all, p.crc)
	}
	return fmt.Sprintf("%s-%d", encodeCRC(crc32.Checksum(all, castagnoli)), len(parts))
}

// putObject writes a whole object.
func (s *Store) putObject(ctx context.Context, name string, content *buffer) error {
	if content == nil {
		content = new(buffer)
	}
	in := &api.PutObjectInput{
		Bucket: &s.bucket.Bucket, Key: s.bucket.Key(name), Body: content.reader(), ContentLength: &content.size,
		ContentType: aws.String(contentType), ChecksumCRC32C: s.checksum(content.crc()),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = s.bucket.Encryption()
	_, err := s.bucket.API.PutObject(ctx, in, s.bucket.Unsigned)
	return err
}

func (s *Store) abortParts(ctx context.Context, st state) error {
	if st.upload == "" {
		return nil
	}
	_, err := s.bucket.API.AbortMultipartUpload(ctx, &api.AbortMultipartUploadInput{
		Bucket: &s.bucket.Bucket, Key: s.bucket.Key(blobs + string(locate(st.id))), UploadId: &st.upload,
	})
	if bucket.IsMissing(err) {
		return nil
	}
	return s.explain("drop parts", err)
}

// hasParts asks whether the bucket still takes parts of an upload.
func (s *Store) hasParts(ctx context.Context, st state) error {
	_, err := s.bucket.API.ListParts(ctx, &api.ListPartsInput{
		Bucket: &s.bucket.Bucket, Key: s.bucket.Key(blobs + string(locate(st.id))), UploadId: &st.upload, MaxParts: aws.Int32(1),
	})
	return s.explain("look for parts", err)
}

func tailName(id, tail uuid.UUID) string { return tails + id.String() + "/" + tail.String() }

// putTail keeps what is too short to be a part.
func (w *writer) putTail(ctx context.Context) (uuid.UUID, error) {
	tail, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	return tail, w.store.explain("keep the rest", w.store.putObject(ctx, tailName(w.id, tail), w.filling))
}

// loadTail brings back what putTail kept.
func (w *writer) loadTail(ctx context.Context, size int64) error {
	s := w.store
	if size < 0 || size > s.limits.largest() {
		return errBadState
	}
	least, most := s.limits.of(w.number + 1)
	filling, err := s.memory.buffer(ctx, max(least, size), max(most, size))
	if err != nil {
		return err
	}
	w.filling = filling
	object, err := s.openObject(ctx, tailName(w.id, w.tail), size)
	if err != nil {
		return err
	}
	defer object.Close()
	for filling.size < size {
		space := filling.space()
		n, err := object.Read(space[:min(int64(len(space)), size-filling.size)])
		filling.size += int64(n)
		if err != nil && filling.size < size {
			return fmt.Errorf("read the rest: %w", err)
		}
	}
	return nil
}

func (l limits) largest() int64 {
	_, most := l.of(l.parts)
	return most
}

// removeTails leaves behind what cannot be removed now: it is swept later.
func (s *Store) removeTails(ctx context.Context, id uuid.UUID, some ...uuid.UUID) error {
	for _, tail := range some {
		if tail == uuid.Nil {
			continue
		}
		if err := s.delete(ctx, tailName(id, tail)); err != nil {
			return s.explain("remove the rest of upload "+id.String(), err)
		}
	}
	return nil
}
