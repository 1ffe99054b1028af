package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strings"
)

// uploadFiles are the states of uploads as files, one each, for a database that
// one process has for itself. They are never synced: a process that crashes
// leaves them, and what a power cut makes of one is recognized by its checksum
// and counts as no upload. A transaction for each chunk costs ten times as much.
type uploadFiles struct{ dir *os.Root }

func openUploadFiles(path string) (uploadFiles, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return uploadFiles{}, err
	}
	dir, err := os.OpenRoot(path)
	return uploadFiles{dir}, err
}

func (f uploadFiles) get(_ context.Context, id string) (Upload, error) {
	file, err := f.dir.Open(id)
	if errors.Is(err, fs.ErrNotExist) {
		return Upload{}, ErrNotFound
	}
	if err != nil {
		return Upload{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Upload{}, err
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(file, text); err != nil {
		return Upload{}, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	u, err := decodeUpload(text)
	u.ID = id
	return u, err
}

// next ends the name of a state that is not in force yet.
const next = ".next"

// put replaces a state as a whole: a crash in the middle leaves the one before.
func (f uploadFiles) put(_ context.Context, u Upload) error {
	text := encodeUpload(u)
	err := f.write(u.ID, text)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := u.ID + next
	if err := f.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // that of a process that died
	}
	if err := f.write(name, text); err != nil {
		return err
	}
	return f.dir.Rename(name, u.ID)
}

// write makes a new file, or none.
func (f uploadFiles) write(name string, text []byte) error {
	file, err := f.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, f.dir.Remove(name))
	}
	return nil
}

func (f uploadFiles) remove(_ context.Context, id string) error {
	if err := f.dir.Remove(id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f uploadFiles) removeStale(ctx context.Context, id string, updatedAt int64) (bool, error) {
	u, err := f.get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return false, f.remove(ctx, id) // what a crash left of it, or nothing
	}
	if err != nil || u.UpdatedAt != updatedAt {
		return false, err
	}
	return true, f.remove(ctx, id)
}

func (f uploadFiles) stale(ctx context.Context, before int64, limit int) (all []Upload, err error) {
	dir, err := f.dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	for len(all) < limit {
		names, err := dir.Readdirnames(256)
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			u, err := f.get(ctx, name)
			if errors.Is(err, ErrNotFound) || strings.HasSuffix(name, next) {
				err = f.removeTorn(name, before)
			} else if err == nil && u.UpdatedAt < before && len(all) < limit {
				u.Content = nil
				all = append(all, u)
			}
			if err != nil {
				return nil, err
			}
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// removeTorn removes a file that holds no state in force, unless it is so new
// that it may be in the making.
func (f uploadFiles) removeTorn(name string, before int64) error {
	info, err := f.dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.ModTime().UnixMilli() >= before {
		return err
	}
	return f.dir.Remove(name)
}

func (f uploadFiles) close() error { return f.dir.Close() }

// uploadFormat is the first byte of a state.
const uploadFormat = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeUpload writes all of an upload but its id, behind a checksum.
func encodeUpload(u Upload) []byte {
	b := make([]byte, 5, 128+len(u.RepositoryID)+len(u.Content)+len(u.WriterState))
	b[0] = uploadFormat
	small := int64(0)
	if u.SmallPart {
		small = 1
	}
	for _, n := range [...]int64{u.Size, u.Parts, u.LastPart, small, u.UpdatedAt} {
		b = binary.AppendVarint(b, n)
	}
	for _, field := range [...][]byte{[]byte(u.RepositoryID), u.Content, u.WriterState} {
		// One more than the length, so that nil is not the empty.
		length := uint64(0)
		if field != nil {
			length = uint64(len(field)) + 1
		}
		b = append(binary.AppendUvarint(b, length), field...)
	}
	binary.LittleEndian.PutUint32(b[1:], crc32.Checksum(b[5:], castagnoli))
	return b
}

// decodeUpload reads what encodeUpload wrote. Anything else, as a crash leaves
// it, is [ErrNotFound].
func decodeUpload(b []byte) (u Upload, err error) {
	if len(b) < 5 || b[0] != uploadFormat || binary.LittleEndian.Uint32(b[1:]) != crc32.Checksum(b[5:], castagnoli) {
		return Upload{}, ErrNotFound
	}
	b = b[5:]
	var small int64
	for _, n := range [...]*int64{&u.Size, &u.Parts, &u.LastPart, &small, &u.UpdatedAt} {
		value, length := binary.Varint(b)
		if length <= 0 {
			return Upload{}, ErrNotFound
		}
		*n, b = value, b[length:]
	}
	u.SmallPart = small == 1
	var repository []byte
	for _, field := range [...]*[]byte{&repository, &u.Content, &u.WriterState} {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n)+1 {
			return Upload{}, ErrNotFound
		}
		b = b[n:]
		if length > 0 {
			*field, b = b[:length-1:length-1], b[length-1:]
		}
	}
	if len(b) > 0 {
		return Upload{}, ErrNotFound
	}
	u.RepositoryID = string(repository)
	return u, nil
}
