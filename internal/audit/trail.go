package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// A Trail is what a [File] has written, the files before it included.
type Trail struct {
	path  string
	count int
}

// Trail returns the trail that the file adds to.
func (f *File) Trail() *Trail { return &Trail{f.path, f.count} }

// A Search selects records; what is zero selects all.
type Search struct {
	Query     string // text that the record has, whatever its case
	Principal string // ARN of who called
	From, To  time.Time
}

// A Position is a place in a trail, which stays the same when files get other
// names. Zero is the end of the trail, where the newest records are.
type Position struct {
	File   string // told by its first record; hexadecimal
	Offset int64
}

// ErrGone reports a position in a file that is not there any more.
var ErrGone = errors.New("the audit file that the position is in is gone, or of another node")

const (
	// A page looks at so many bytes of records at most.
	trailLookedAt = 8 << 20
	// The trail is read in blocks of this size.
	trailBlock = 256 << 10
	// A record is written when its request has ended, which may be so long after its
	// time.
	trailDelay = 24 * time.Hour
)

// Search returns the records before a position that are selected, newest first, at
// most limit and whole lines of JSON each, and where those that follow are. A page
// may have fewer than the next, for it only looks at so many. At the end of all the
// position is zero.
func (t *Trail) Search(ctx context.Context, s Search, before Position, limit int) (records []string, next Position, err error) {
	files, err := t.open()
	defer func() {
		for _, f := range files {
			_ = f.Close() // it was read
		}
	}()
	if err != nil {
		return nil, Position{}, err
	}
	if before != (Position{}) {
		for len(files) > 0 && files[0].id != before.File {
			_ = files[0].Close()
			files = files[1:]
		}
		if len(files) == 0 {
			return nil, Position{}, ErrGone
		}
		files[0].size = min(files[0].size, before.Offset)
	}
	p := page{selects: s.compile(), limit: limit, records: []string{}}
	for _, f := range files {
		if err := f.backwards(ctx, &p); err != nil {
			return nil, Position{}, err
		}
		if p.done {
			return p.records, p.at, nil
		}
	}
	return p.records, Position{}, nil
}

// A trailFile is a file of records that is being read.
type trailFile struct {
	*os.File
	id   string
	size int64
}

// open opens all files that have records, the newest first. While they get other
// names one may be met twice.
func (t *Trail) open() (files []*trailFile, err error) {
	named := File{path: t.path}
	for i := range t.count {
		file, err := os.Open(named.numbered(i))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return files, err
		}
		f := &trailFile{File: file}
		files = append(files, f)
		if err := f.identify(); err != nil {
			return files, err
		}
		again := len(files) > 1 && f.id == files[len(files)-2].id
		if f.id == "" || again {
			_ = file.Close()
			files = files[:len(files)-1]
		}
	}
	return files, nil
}

// identify gives the file an id by its first record, which has a random one. A file
// without a record has none.
func (f *trailFile) identify() error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	f.size = info.Size()
	line, err := bufio.NewReader(io.NewSectionReader(f, 0, f.size)).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return nil
	}
	sum := sha256.Sum256(line)
	f.id = hex.EncodeToString(sum[:16])
	return err
}

// A page takes records until it is full, or has looked at enough.
type page struct {
	selects func(line []byte) (selected, over bool)
	limit   int
	looked  int64

	records []string
	at      Position
	done    bool
}

// backwards gives a page the records of the file, the last one first. What comes
// after the last end of a line is being written.
func (f *trailFile) backwards(ctx context.Context, p *page) error {
	var rest []byte // the end of a line whose beginning is in the block before
	begun := false  // the end of a line was met
	for end := f.size; end > 0 && !p.done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		begin := max(0, end-trailBlock)
		block := make([]byte, end-begin, int(end-begin)+len(rest))
		if _, err := f.ReadAt(block, begin); err != nil {
			return err
		}
		p.looked += end - begin
		block = append(block, rest...)
		for !p.done {
			cut := bytes.LastIndexByte(block, '\n')
			if cut < 0 {
				break
			}
			line := block[cut+1:]
			block = block[:cut]
			if begun {
				p.take(f, line, begin+int64(cut)+1)
			}
			begun = true
		}
		rest, end = block, begin
	}
	if begun && !p.done && len(rest) > 0 {
		p.take(f, rest, 0)
	}
	return nil
}

// take looks at the record that begins at an offset.
func (p *page) take(f *trailFile, line []byte, offset int64) {
	selected, over := p.selects(line)
	if selected {
		p.records = append(p.records, string(line))
	}
	switch {
	case over:
		p.done = true // and nothing follows
	case len(p.records) == p.limit || p.looked > trailLookedAt:
		p.at, p.done = Position{f.id, offset}, true
	}
}

// compile returns what looks at a record: whether it is selected, and whether none
// before it can be.
func (s Search) compile() func(line []byte) (selected, over bool) {
	query := bytes.ToLower(escaped(s.Query))
	return func(line []byte) (selected, over bool) {
		at := timeOf(line)
		if !s.From.IsZero() && at.Before(s.From) {
			return false, at.Before(s.From.Add(-trailDelay))
		}
		if !s.To.IsZero() && !at.Before(s.To) {
			return false, false
		}
		return s.isBy(line) && (len(query) == 0 || bytes.Contains(bytes.ToLower(line), query)), false
	}
}

// escaped is how a text stands within a record.
func escaped(text string) []byte {
	quoted := appendText(nil, text)
	return quoted[1 : len(quoted)-1]
}

// timeOf is when the request of a record began. No text in a record has a quotation
// mark that is not escaped, so what looks like a member is one.
func timeOf(line []byte) time.Time {
	_, after, _ := bytes.Cut(line, []byte(`"eventTime":"`))
	text, _, _ := bytes.Cut(after, []byte(`"`))
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return time.Time{}
	}
	return at
}

func (s Search) isBy(line []byte) bool {
	if s.Principal == "" {
		return true
	}
	if !bytes.Contains(line, append([]byte(`"arn":`), appendText(nil, s.Principal)...)) {
		return false
	}
	var r struct {
		UserIdentity struct {
			ARN string `json:"arn"`
		} `json:"userIdentity"`
	}
	return json.Unmarshal(line, &r) == nil && r.UserIdentity.ARN == s.Principal
}
