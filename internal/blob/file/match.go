package file

import (
	"context"
	"crypto/sha512"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
)

// match returns the candidate that the bytes have. SHA-256 is known; SHA-512,
// which OCI clients may ask for, costs reading the file again.
func (w *writer) match(ctx context.Context, candidates []digest.Digest) (digest.Digest, error) {
	sum := digest.NewDigest(digest.SHA256, w.hash)
	if slices.Contains(candidates, sum) {
		return sum, nil
	}
	if !slices.ContainsFunc(candidates, isSHA512) {
		return "", blob.ErrDigestMismatch
	}
	sum, err := w.sha512(ctx)
	if err != nil {
		return "", fmt.Errorf("hash upload %s: %w", w.id, err)
	}
	if slices.Contains(candidates, sum) {
		return sum, nil
	}
	return "", blob.ErrDigestMismatch
}

func isSHA512(d digest.Digest) bool {
	return d.Validate() == nil && d.Algorithm() == digest.SHA512
}

func (w *writer) sha512(ctx context.Context) (digest.Digest, error) {
	h := sha512.New()
	if w.sealer != nil {
		return w.sealedSHA512(ctx)
	}
	b := w.store.buffers.get()
	defer w.store.buffers.put(b)
	for offset := int64(0); offset < w.size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		chunk := b[:min(int64(len(b)), w.size-offset)]
		if n, err := w.file.ReadAt(chunk, offset); n < len(chunk) {
			return "", fmt.Errorf("read back: %w", err)
		}
		h.Write(chunk)
		offset += int64(len(chunk))
	}
	return digest.NewDigest(digest.SHA512, h), nil
}
