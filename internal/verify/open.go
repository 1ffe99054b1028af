package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// isDamage reports whether reading failed because of what was read.
func isDamage(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, seal.ErrDamaged) || errors.Is(err, seal.ErrNoHeader)
}

// open returns the bytes of a blob as they were pushed, or what is wrong with it.
func (p *pass) open(ctx context.Context, b store.StoredBlob) (io.ReadCloser, *problem, error) {
	key, wrong, err := p.key(ctx, b)
	if err != nil || wrong != nil {
		return nil, wrong, err
	}
	if b.Location != "" {
		return p.openFile(ctx, b, key)
	}
	if key == nil {
		return io.NopCloser(bytes.NewReader(b.Content)), nil, nil
	}
	content, err := key.Open(slices.Clone(b.Content))
	if err != nil {
		return nil, &problem{BlobDamaged, "the sealed bytes are damaged"}, nil
	}
	return io.NopCloser(bytes.NewReader(content)), nil, nil
}

// key returns the key that a blob is sealed with; nil is none.
func (p *pass) key(ctx context.Context, b store.StoredBlob) (*seal.Key, *problem, error) {
	if b.Sealing == nil {
		return nil, nil, nil
	}
	if p.Keys == nil {
		return nil, &problem{KeyUnavailable, "it is sealed, and there are no keys"}, nil
	}
	keeper, err := p.keeper(ctx, b.Domain)
	if err != nil {
		return nil, nil, err
	}
	key, err := p.Keys.Open(ctx, keeper, b.Sealing)
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		return nil, &problem{KeyUnavailable, "the key cannot be used: " + refused.Message}, nil
	}
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return nil, &problem{KeyUnavailable, "the key cannot be used: " + err.Error()}, nil
	case errors.Is(err, keyring.ErrDamaged):
		return nil, &problem{BlobDamaged, "the data key in its row is damaged"}, nil
	}
	return key, nil, err
}

func (p *pass) openFile(ctx context.Context, b store.StoredBlob, key *seal.Key) (io.ReadCloser, *problem, error) {
	file, err := p.Blobs.Open(ctx, blob.Location(b.Location), nil, 0)
	if errors.Is(err, blob.ErrNotFound) {
		// Where everything is gone, nothing is said of the one.
		return nil, &problem{BlobMissing, "the file is gone"}, registry.CheckBlobStore(ctx, p.Store, p.Blobs)
	}
	if isDamage(err) {
		return nil, &problem{BlobDamaged, fmt.Sprintf("the file cannot be opened: %v", err)}, nil
	}
	if err != nil || key == nil {
		return file, nil, err
	}
	wrong, err := p.checkSealed(ctx, b, key, file)
	if err := errors.Join(err, file.Close()); err != nil || wrong != nil {
		return nil, wrong, err
	}
	sealed, err := p.Blobs.Open(ctx, blob.Location(b.Location), key, b.Size)
	if isDamage(err) {
		return nil, &problem{BlobDamaged, fmt.Sprintf("the file cannot be opened: %v", err)}, nil
	}
	return sealed, nil, err
}

// checkSealed holds the header and the size of a sealed file to the blob's row.
func (p *pass) checkSealed(ctx context.Context, b store.StoredBlob, key *seal.Key, file io.ReadSeeker) (*problem, error) {
	at, ok := file.(io.ReaderAt)
	if !ok {
		return nil, nil
	}
	header, err := seal.ReadHeader(at)
	if isDamage(err) {
		return &problem{BlobDamaged, fmt.Sprintf("the file's header is damaged: %v", err)}, nil
	}
	if err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if want := header.Size + seal.Size(b.Size, header.Layers); size != want {
		return &problem{BlobDamaged, fmt.Sprintf("the file has %d bytes instead of %d", size, want)}, nil
	}
	if bytes.Equal(header.Wrapped, b.Sealing) {
		return nil, nil
	}
	return p.checkHeaderKey(ctx, b, key, header)
}

// checkHeaderKey looks at a header whose key is not wrapped as the row's is:
// that one may have been wrapped anew. Both must be the same key, as far as the
// older wrapping can still be opened.
func (p *pass) checkHeaderKey(ctx context.Context, b store.StoredBlob, key *seal.Key, header seal.Header) (*problem, error) {
	keeper, err := p.keeper(ctx, b.Domain)
	if err != nil {
		return nil, err
	}
	inFile, err := p.Keys.Open(ctx, keeper, header.Wrapped)
	damaged := errors.Is(err, keyring.ErrDamaged)
	if err != nil && !damaged {
		return nil, nil
	}
	if damaged || !slices.EqualFunc(inFile.Secrets, key.Secrets, bytes.Equal) {
		return &problem{HeaderDamaged, "the key in the file's header is not that of its row, so that the file cannot be read without the database"}, nil
	}
	return nil, nil
}

// keeper is on whose keys a blob depends.
func (p *pass) keeper(ctx context.Context, domain string) (registry.Keeper, error) {
	if domain == "" {
		return registry.Keeper{}, nil
	}
	r, err := p.Store.RepositoryByID(ctx, domain)
	if errors.Is(err, store.ErrNotFound) { // it is gone, and so will be the blob
		return registry.Keeper{RepositoryID: domain}, nil
	}
	return registry.Keeper{
		RepositoryID: domain,
		Repository:   registry.RepositoryName{Registry: registry.ID{Account: r.Account, Region: r.Region}, Name: r.Name},
		Encryption:   registry.Encryption{Type: r.Encryption, KMSKey: r.KMSKey},
	}, err
}
