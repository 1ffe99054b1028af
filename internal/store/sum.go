package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
)

// A Sum tells the rows of a table from others, in whatever order they come.
type Sum struct {
	Rows int64
	Hash [4]uint64
}

// A summer adds rows up.
type summer struct {
	Sum
	buffer []byte
}

// reading adds the rows up that are read.
func (s *summer) reading(next func() ([]any, error)) func() ([]any, error) {
	return func() ([]any, error) {
		row, err := next()
		if err == nil {
			s.add(row)
		}
		return row, err
	}
}

// add adds a row. Its hash is added as a number, so that the order of rows does
// not matter, and how often there is the same one does.
func (s *summer) add(row []any) {
	s.buffer = s.buffer[:0]
	for _, value := range row {
		s.buffer = appendSummed(s.buffer, value)
	}
	hash := sha256.Sum256(s.buffer)
	s.Rows++
	for i := range s.Hash {
		s.Hash[i] += binary.BigEndian.Uint64(hash[8*i:])
	}
}

// appendSummed appends a value such that no other values give the same bytes.
func appendSummed(b []byte, value any) []byte {
	switch v := value.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case bool:
		if v {
			return append(b, 't')
		}
		return append(b, 'f')
	case string:
		b = binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(v)))
		return append(b, v...)
	case []byte:
		b = binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v)))
		return append(b, v...)
	}
	return append(b, 'n')
}

// sum reads a table.
func (q queries) sum(ctx context.Context, t Table) (Sum, error) {
	c, err := q.rowsOf(ctx, t)
	if err != nil {
		return Sum{}, err
	}
	defer c.rows.Close()
	var s summer
	next := s.reading(c.next)
	for {
		_, err := next()
		if errors.Is(err, io.EOF) {
			return s.Sum, nil
		}
		if err != nil {
			return Sum{}, err
		}
	}
}

// Sums returns the sums of all tables by their names.
func (s *Snapshot) Sums(ctx context.Context) (map[string]Sum, error) {
	sums := map[string]Sum{}
	for _, t := range s.tables {
		sum, err := s.sum(ctx, t)
		if err != nil {
			return nil, err
		}
		sums[t.Name] = sum
	}
	return sums, nil
}
