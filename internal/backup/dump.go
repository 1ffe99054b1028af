package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/store"
)

// putLines stores lines, compressed, as a file of a snapshot. write may be
// called in another goroutine than the caller's.
func putLines(ctx context.Context, t target, snapshot, name string, write func(w *bufio.Writer) error) (content, error) {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(compress(writer, write)) }()
	sum := &counted{Hash: sha256.New()}
	err := t.put(ctx, placeIn(snapshot, name), io.TeeReader(reader, sum))
	_ = reader.CloseWithError(errors.New("nobody reads any more")) // ends the goroutine
	if err != nil {
		return content{}, fmt.Errorf("write %s: %w", name, err)
	}
	return content{File: name, Size: sum.size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// A counted hash knows how much it has hashed.
type counted struct {
	hash.Hash
	size int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	return c.Hash.Write(p)
}

func compress(to io.Writer, write func(w *bufio.Writer) error) error {
	// Most of it is digests and layers: no effort would make it much smaller.
	packed, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	lines := bufio.NewWriterSize(packed, 64<<10)
	if err := write(lines); err != nil {
		return err
	}
	return errors.Join(lines.Flush(), packed.Close())
}

// A lineReader reads the lines of a file of a snapshot, and finds at their end
// whether it is the file that was written.
type lineReader struct {
	file   io.ReadCloser
	sum    *counted
	tee    io.Reader
	packed *gzip.Reader
	lines  *bufio.Reader
	want   content
}

func openLines(ctx context.Context, t target, snapshot string, c content) (*lineReader, error) {
	f, err := t.open(ctx, placeIn(snapshot, c.File))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.File, err)
	}
	sum := &counted{Hash: sha256.New()}
	tee := bufio.NewReaderSize(io.TeeReader(f, sum), 64<<10)
	packed, err := gzip.NewReader(tee)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", c.File, err), f.Close())
	}
	return &lineReader{f, sum, tee, packed, bufio.NewReaderSize(packed, 64<<10), c}, nil
}

// next returns a line without its end, or io.EOF when there is none and all of
// them were as they were written.
func (r *lineReader) next() ([]byte, error) {
	line, err := r.lines.ReadBytes('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case !errors.Is(err, io.EOF) || len(line) > 0:
		return nil, fmt.Errorf("read %s: %w", r.want.File, err)
	}
	if _, err := io.Copy(io.Discard, r.tee); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.want.File, err)
	}
	if r.sum.size != r.want.Size || hex.EncodeToString(r.sum.Sum(nil)) != r.want.SHA256 {
		return nil, fmt.Errorf("%s is damaged: it is not what was written", r.want.File)
	}
	return nil, io.EOF
}

func (r *lineReader) close() error { return r.file.Close() }

// putTable stores a table of a snapshot of the database.
func putTable(ctx context.Context, t target, snapshot string, from *store.Snapshot, table store.Table) (dumped, error) {
	d := dumped{Table: table}
	c, err := putLines(ctx, t, snapshot, table.Name+dumpedSuffix, func(w *bufio.Writer) error {
		head, err := json.Marshal(table)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(head, '\n')); err != nil {
			return err
		}
		var line []byte
		return from.Rows(ctx, table, func(row []any) error {
			d.Rows++
			line = appendRow(line[:0], row)
			_, err := w.Write(line)
			return err
		})
	})
	d.content = c
	return d, err
}

// appendRow appends a row as a line.
func appendRow(line []byte, row []any) []byte {
	line = append(line, '[')
	for i, v := range row {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendValue(line, v)
	}
	return append(line, ']', '\n')
}

func appendValue(line []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(line, v, 10)
	case bool:
		return strconv.AppendBool(line, v)
	case []byte:
		line = append(line, '"')
		line = base64.StdEncoding.AppendEncode(line, v)
		return append(line, '"')
	case string:
		if !utf8.ValidString(v) { // JSON would change it
			line = append(line, `{"base64":"`...)
			line = base64.StdEncoding.AppendEncode(line, []byte(v))
			return append(line, `"}`...)
		}
		return append(line, jsonString(v)...)
	}
	return append(line, "null"...)
}

func jsonString(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a valid string has JSON
	}
	return text
}

// A rowReader reads the rows of a dumped table.
type rowReader struct {
	*lineReader
	table dumped
	rows  int64
	raw   []json.RawMessage
	row   []any
}

func openTable(ctx context.Context, t target, snapshot string, table dumped) (*rowReader, error) {
	lines, err := openLines(ctx, t, snapshot, table.content)
	if err != nil {
		return nil, err
	}
	if _, err := lines.next(); err != nil { // which the snapshot says too
		return nil, errors.Join(err, lines.close())
	}
	return &rowReader{lineReader: lines, table: table, row: make([]any, len(table.Columns))}, nil
}

func (r *rowReader) nextRow() ([]any, error) {
	line, err := r.next()
	if errors.Is(err, io.EOF) && r.rows != r.table.Rows {
		return nil, fmt.Errorf("%s is damaged: it has %d rows of %d", r.table.File, r.rows, r.table.Rows)
	}
	if err != nil {
		return nil, err
	}
	r.rows++
	r.raw = r.raw[:0]
	if err := json.Unmarshal(line, &r.raw); err != nil || len(r.raw) != len(r.row) {
		return nil, fmt.Errorf("%s is damaged: row %d is malformed", r.table.File, r.rows)
	}
	for i, c := range r.table.Columns {
		if r.row[i], err = decodeValue(c.Kind, r.raw[i]); err != nil {
			return nil, fmt.Errorf("%s is damaged: row %d: column %s: %w", r.table.File, r.rows, c.Name, err)
		}
	}
	return r.row, nil
}

func decodeValue(kind store.Kind, raw json.RawMessage) (any, error) {
	if bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	switch kind {
	case store.Integer:
		return strconv.ParseInt(string(raw), 10, 64)
	case store.Boolean:
		return strconv.ParseBool(string(raw))
	case store.Bytes:
		return decodeBytes(raw)
	case store.Text:
		if raw[0] == '{' {
			var odd struct{ Base64 []byte }
			err := json.Unmarshal(raw, &odd)
			return string(odd.Base64), err
		}
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	}
	return nil, fmt.Errorf("unknown kind %q", kind)
}

func decodeBytes(raw json.RawMessage) ([]byte, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, errors.New("want a string")
	}
	decoded := make([]byte, 0, base64.StdEncoding.DecodedLen(len(raw)))
	return base64.StdEncoding.AppendDecode(decoded, raw[1:len(raw)-1])
}
