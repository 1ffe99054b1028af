package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// An uploadLog keeps the states of uploads in one file, for a database that one
// process has for itself. A state is appended to it, and so is the end of an
// upload; an index in memory says where the newest state of each is. Nothing is
// synced: a process that crashes leaves the file, and a power cut may cost it.
// A transaction for each chunk costs ten times as much, and a file for each
// upload, made and removed, still twice.
//
// A record is the length of its body and the body's checksum, 4 bytes each, and
// the body: a state as encodeUpload writes it, or the id alone for an end.
type uploadLog struct {
	path string

	mu    sync.RWMutex
	file  *os.File
	size  int64 // bytes of whole records
	live  int64 // bytes of those that states are in
	index map[string]position
}

// A position is where the newest state of an upload is.
type position struct {
	offset, length int64 // of the body
	updatedAt      int64
}

const recordHeader = 8

// The file is written anew when it has this many bytes, and twice as many as are
// of use.
const uploadLogSize = 16 << 20

// openUploadLog opens the log at path, new or as a process left it.
func openUploadLog(path string) (*uploadLog, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &uploadLog{path: path, file: file, index: map[string]position{}}
	if err := l.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	return l, nil
}

// load reads the records up to the first that is not whole, where a crash came,
// and drops what is behind.
func (l *uploadLog) load() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	for {
		body, err := readRecord(io.NewSectionReader(l.file, l.size, info.Size()-l.size))
		if errors.Is(err, errTorn) {
			return l.file.Truncate(l.size)
		}
		if err != nil {
			return err
		}
		u, ended, err := decodeUpload(body)
		if err != nil {
			return l.file.Truncate(l.size)
		}
		l.note(u, ended, int64(len(body)))
	}
}

// errTorn reports a record that is not whole.
var errTorn = errors.New("torn record")

func readRecord(r *io.SectionReader) (body []byte, err error) {
	var header [recordHeader]byte
	if _, err := r.ReadAt(header[:], 0); err != nil {
		return nil, torn(err)
	}
	length := int64(binary.LittleEndian.Uint32(header[:]))
	if length == 0 || length > r.Size()-recordHeader {
		return nil, errTorn
	}
	body = make([]byte, length)
	if _, err := r.ReadAt(body, recordHeader); err != nil {
		return nil, torn(err)
	}
	if binary.LittleEndian.Uint32(header[4:]) != crc32.Checksum(body, castagnoli) {
		return nil, errTorn
	}
	return body, nil
}

func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return errTorn
	}
	return err
}

// note moves the index past a record that is at the end.
func (l *uploadLog) note(u Upload, ended bool, length int64) {
	if old, ok := l.index[u.ID]; ok {
		l.live -= old.length
		delete(l.index, u.ID)
	}
	if !ended {
		l.index[u.ID] = position{l.size + recordHeader, length, u.UpdatedAt}
		l.live += length
	}
	l.size += recordHeader + length
}

func (l *uploadLog) get(_ context.Context, id string) (Upload, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	at, ok := l.index[id]
	if !ok {
		return Upload{}, ErrNotFound
	}
	return l.read(at)
}

func (l *uploadLog) read(at position) (Upload, error) {
	body := make([]byte, at.length)
	if _, err := l.file.ReadAt(body, at.offset); err != nil {
		return Upload{}, fmt.Errorf("read %s: %w", l.path, err)
	}
	u, _, err := decodeUpload(body)
	return u, err
}

func (l *uploadLog) put(_ context.Context, u Upload) (saved bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return true, l.add(u, false, encodeUpload(u))
}

func (l *uploadLog) end(id string) error {
	if _, ok := l.index[id]; !ok {
		return nil
	}
	return l.add(Upload{ID: id}, true, encodeEnd(id))
}

// forget ends an upload that has become a blob: for this process in any case,
// and in the file if the disk takes it. Otherwise a later process finds the
// state again, and sweeps it: nothing that it refers to is there.
func (l *uploadLog) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end(id) == nil {
		return
	}
	l.live -= l.index[id].length
	delete(l.index, id)
}

func (l *uploadLog) removeStale(_ context.Context, u Upload) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.index[u.ID]; !ok || at.updatedAt != u.UpdatedAt {
		return false, nil
	}
	return true, l.end(u.ID)
}

func (l *uploadLog) stale(_ context.Context, before int64, limit int) (all []Upload, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, at := range l.index {
		if at.updatedAt >= before {
			continue
		}
		if len(all) == limit {
			break
		}
		u, err := l.read(at)
		if err != nil {
			return nil, err
		}
		u.Content = nil
		all = append(all, u)
	}
	return all, nil
}

// add appends a record. One that fails in the middle is overwritten by the next.
func (l *uploadLog) add(u Upload, ended bool, body []byte) error {
	if _, err := l.file.WriteAt(newRecord(body), l.size); err != nil {
		return err
	}
	l.note(u, ended, int64(len(body)))
	if l.size < max(uploadLogSize, 2*l.live) {
		return nil
	}
	if err := l.rewrite(); err != nil {
		return fmt.Errorf("rewrite %s: %w", l.path, err)
	}
	return nil
}

func newRecord(body []byte) []byte {
	record := make([]byte, recordHeader, recordHeader+len(body))
	binary.LittleEndian.PutUint32(record, uint32(len(body)))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(body, castagnoli))
	return append(record, body...)
}

// rewrite replaces the file by one that has the newest states only. Until the
// rename a crash leaves the old one.
func (l *uploadLog) rewrite() error {
	file, err := os.OpenFile(l.path+".next", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	next := &uploadLog{path: l.path, file: file, index: make(map[string]position, len(l.index))}
	for _, at := range l.index {
		u, err := l.read(at)
		if err == nil {
			body := encodeUpload(u)
			_, err = file.WriteAt(newRecord(body), next.size)
			next.note(u, false, int64(len(body)))
		}
		if err != nil { // a full disk: what was written must not stay there
			return errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}
	if err := os.Rename(file.Name(), l.path); err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	old := l.file
	l.file, l.size, l.live, l.index = next.file, next.size, next.live, next.index
	return old.Close()
}

// close does nothing the second time.
func (l *uploadLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// The first byte of a record's body.
const (
	recordState  = 1 // of an upload that is not sealed, as older versions wrote it
	recordEnd    = 2
	recordSealed = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeEnd(id string) []byte { return append([]byte{recordEnd}, id...) }

func encodeUpload(u Upload) []byte {
	b := make([]byte, 1, 128+len(u.ID)+len(u.RepositoryID)+len(u.Content)+len(u.WriterState)+len(u.Sealing))
	b[0] = recordState
	fields := [...][]byte{[]byte(u.ID), []byte(u.RepositoryID), u.Content, u.WriterState, u.Sealing}
	last := len(fields)
	if u.Sealing != nil {
		b[0] = recordSealed
	} else {
		last--
	}
	small := int64(0)
	if u.SmallPart {
		small = 1
	}
	for _, n := range [...]int64{u.Size, u.Parts, u.LastPart, small, u.UpdatedAt} {
		b = binary.AppendVarint(b, n)
	}
	for _, field := range fields[:last] {
		// One more than the length, so that nil is not the empty.
		length := uint64(0)
		if field != nil {
			length = uint64(len(field)) + 1
		}
		b = append(binary.AppendUvarint(b, length), field...)
	}
	return b
}

var errBadUpload = errors.New("malformed state of an upload")

// decodeUpload reads a record's body; of one that ended it returns the id.
func decodeUpload(b []byte) (u Upload, ended bool, err error) {
	if len(b) == 0 || b[0] < recordState || b[0] > recordSealed {
		return Upload{}, false, errBadUpload
	}
	if b[0] == recordEnd {
		return Upload{ID: string(b[1:])}, true, nil
	}
	var id, repository []byte
	fields := [...]*[]byte{&id, &repository, &u.Content, &u.WriterState, &u.Sealing}
	last := len(fields)
	if b[0] != recordSealed {
		last--
	}
	b = b[1:]
	var small int64
	for _, n := range [...]*int64{&u.Size, &u.Parts, &u.LastPart, &small, &u.UpdatedAt} {
		value, length := binary.Varint(b)
		if length <= 0 {
			return Upload{}, false, errBadUpload
		}
		*n, b = value, b[length:]
	}
	u.SmallPart = small == 1
	for _, field := range fields[:last] {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n)+1 {
			return Upload{}, false, errBadUpload
		}
		b = b[n:]
		if length > 0 {
			*field, b = b[:length-1:length-1], b[length-1:]
		}
	}
	if len(b) > 0 {
		return Upload{}, false, errBadUpload
	}
	u.ID, u.RepositoryID = string(id), string(repository)
	return u, false, nil
}
