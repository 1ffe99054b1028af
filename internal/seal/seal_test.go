package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nifuda/nifuda/internal/seal"
)

// sizes are around the ends of chunks and windows.
var sizes = []int{0, 1, 100, seal.ChunkSize - 1, seal.ChunkSize, seal.ChunkSize + 1, 2 * seal.ChunkSize, 4*seal.ChunkSize + 7, 9 * seal.ChunkSize}

func newKey(layers int) *seal.Key {
	return &seal.Key{Secrets: seal.NewSecrets(layers), Wrapped: []byte("wrapped")}
}

// content is the same random bytes for the same size and seed.
func content(size int, seed byte) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// sealFile returns a sealed file whose plaintext came in pieces of that size.
func sealFile(t testing.TB, k *seal.Key, plain []byte, piece int) []byte {
	t.Helper()
	file, err := k.Header()
	if err != nil {
		t.Fatal(err)
	}
	s, err := seal.NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	for p := range slices.Chunk(plain, piece) {
		file = s.Append(file, p)
	}
	return s.Finish(file)
}

func open(t testing.TB, k *seal.Key, file []byte, size int) *seal.Opener {
	t.Helper()
	o, err := seal.NewOpener(bytes.NewReader(file), k, int64(size))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func eachLayers(t *testing.T, test func(t *testing.T, k *seal.Key)) {
	for layers := 1; layers <= 2; layers++ {
		t.Run(fmt.Sprintf("%d layers", layers), func(t *testing.T) { test(t, newKey(layers)) })
	}
}

func TestWhatIsSealedIsOpened(t *testing.T) {
	eachLayers(t, func(t *testing.T, k *seal.Key) {
		for _, size := range sizes {
			plain := content(size, 1)
			for _, piece := range []int{1000, 4096, seal.ChunkSize, 3*seal.ChunkSize + 11, 1 << 20} {
				file := sealFile(t, k, plain, piece)
				h, err := seal.ReadHeader(bytes.NewReader(file))
				if err != nil || h.Layers != len(k.Secrets) || !bytes.Equal(h.Wrapped, k.Wrapped) {
					t.Fatalf("header %+v, %v", h, err)
				}
				if got, want := int64(len(file)), h.Size+seal.Size(int64(size), h.Layers); got != want {
					t.Fatalf("%d bytes sealed have %d, want %d", size, got, want)
				}
				got, err := io.ReadAll(open(t, k, file, size))
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%d bytes in pieces of %d: %d come back, %v", size, piece, len(got), err)
				}
				var copied bytes.Buffer
				if n, err := io.Copy(&copied, open(t, k, file, size)); n != int64(size) || err != nil || !bytes.Equal(copied.Bytes(), plain) {
					t.Fatalf("io.Copy of %d bytes: %d, %v", size, n, err)
				}
			}
			sealed, err := k.Seal(plain)
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := seal.PlainSize(int64(len(sealed)), len(k.Secrets)); n != int64(size) || !ok {
				t.Errorf("PlainSize says %d, %t for %d", n, ok, size)
			}
			if got, err := k.Open(sealed); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes in memory come back as %d, %v", size, len(got), err)
			}
		}
	})
}

func TestASealerResumesAnywhere(t *testing.T) {
	eachLayers(t, func(t *testing.T, k *seal.Key) {
		plain := content(3*seal.ChunkSize+5, 2)
		for _, at := range []int{0, 1, seal.ChunkSize - 1, seal.ChunkSize, seal.ChunkSize + 1, 3 * seal.ChunkSize, len(plain)} {
			file, err := k.Header()
			if err != nil {
				t.Fatal(err)
			}
			header := len(file)
			s, err := seal.NewSealer(k)
			if err != nil {
				t.Fatal(err)
			}
			file = s.Append(file, plain[:at])
			if got := int64(len(file) - header); got != s.Sealed() {
				t.Fatalf("after %d bytes it gave %d and says %d", at, got, s.Sealed())
			}
			s, err = seal.ResumeSealer(k, int64(at), slices.Clone(s.Tail()))
			if err != nil {
				t.Fatal(err)
			}
			file = s.Finish(s.Append(file, plain[at:]))
			if got, err := io.ReadAll(open(t, k, file, len(plain))); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("resumed at %d: %d bytes, %v", at, len(got), err)
			}
		}
	})
}

func TestResumeWithAnotherTailIsAnError(t *testing.T) {
	for _, size := range []int64{-1, 1, seal.ChunkSize} {
		if _, err := seal.ResumeSealer(newKey(1), size, make([]byte, 7)); err == nil {
			t.Errorf("a tail of 7 bytes fits the size %d", size)
		}
	}
}

func TestReadAtReadsAnyRange(t *testing.T) {
	eachLayers(t, func(t *testing.T, k *seal.Key) {
		plain := content(6*seal.ChunkSize+17, 3)
		o := open(t, k, sealFile(t, k, plain, 1<<20), len(plain))
		want := bytes.NewReader(plain)
		for _, at := range []int64{0, 1, seal.ChunkSize - 1, seal.ChunkSize, 4*seal.ChunkSize - 3, int64(len(plain)) - 1, int64(len(plain)), int64(len(plain)) + 9} {
			for _, n := range []int{0, 1, 2, seal.ChunkSize, 5*seal.ChunkSize + 1, len(plain)} {
				p, q := make([]byte, n), make([]byte, n)
				got, err := o.ReadAt(p, at)
				expected, wantErr := want.ReadAt(q, at)
				if n == 0 {
					wantErr = nil
				}
				if got != expected || !errors.Is(err, wantErr) || !bytes.Equal(p, q) {
					t.Errorf("%d bytes at %d: %d, %v, want %d, %v", n, at, got, err, expected, wantErr)
				}
			}
		}
	})
}

// A countingReader counts what is read of a file.
type countingReader struct {
	io.ReaderAt
	bytes int
}

func (c *countingReader) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, offset)
	c.bytes += n
	return n, err
}

// A hollow file has only the last chunk of a large one.
type hollowFile struct {
	header, last []byte
	lastAt       int64
}

func (f hollowFile) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= f.lastAt {
		return bytes.NewReader(f.last).ReadAt(p, offset-f.lastAt)
	}
	return bytes.NewReader(f.header).ReadAt(p, offset)
}

func TestAByteAtTheEndCostsAChunk(t *testing.T) {
	const size = 1 << 30
	k := newKey(1)
	// Only the last chunk of the file exists: another cannot be read.
	s, err := seal.ResumeSealer(k, size, content(seal.ChunkSize, 1))
	if err != nil {
		t.Fatal(err)
	}
	header, err := k.Header()
	if err != nil {
		t.Fatal(err)
	}
	file := &countingReader{ReaderAt: hollowFile{header, s.Finish(nil), int64(len(header)) + s.Sealed()}}
	o, err := seal.NewOpener(file, k, size)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for name, read := range map[string]func(p []byte) (int, error){
		"ReadAt": func(p []byte) (int, error) { return o.ReadAt(p, size-1) },
		"Seek and Read": func(p []byte) (int, error) {
			if _, err := o.Seek(-1, io.SeekEnd); err != nil {
				return 0, err
			}
			return o.Read(p)
		},
	} {
		file.bytes = 0
		p := make([]byte, 1)
		if n, err := read(p); n != 1 || err != nil || p[0] != content(seal.ChunkSize, 1)[seal.ChunkSize-1] {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		if file.bytes > seal.ChunkSize+28 {
			t.Errorf("%s of one byte reads %d", name, file.bytes)
		}
	}
}

func TestTamperingIsFound(t *testing.T) {
	eachLayers(t, func(t *testing.T, k *seal.Key) {
		const size = 3*seal.ChunkSize + 100
		file := sealFile(t, k, content(size, 4), 1<<20)
		other := sealFile(t, newKey(len(k.Secrets)), content(size, 4), 1<<20)
		same := sealFile(t, k, content(size, 5), 1<<20)
		header, _ := k.Header()
		each := seal.ChunkSize + 28*len(k.Secrets)
		chunk := func(file []byte, n int) []byte {
			from := len(header) + n*each
			return file[from:min(from+each, len(file))]
		}
		join := func(parts ...[]byte) []byte { return slices.Concat(append([][]byte{header}, parts...)...) }
		flipped := func(at int) []byte {
			b := slices.Clone(file)
			b[at] ^= 1
			return b
		}
		for name, damaged := range map[string]struct {
			file []byte
			size int
		}{
			"a bit of the magic":            {flipped(0), size},
			"the version":                   {flipped(6), size},
			"the layers":                    {flipped(7), size},
			"the wrapped key's length":      {flipped(9), size},
			"a bit of the first nonce":      {flipped(len(header)), size},
			"a bit of the first chunk":      {flipped(len(header) + 20), size},
			"a bit of the first tag":        {flipped(len(header) + each - 1), size},
			"a bit of the last chunk":       {flipped(len(file) - 20), size},
			"a bit of the last tag":         {flipped(len(file) - 1), size},
			"two chunks change places":      {join(chunk(file, 1), chunk(file, 0), chunk(file, 2), chunk(file, 3)), size},
			"a chunk twice":                 {join(chunk(file, 0), chunk(file, 0), chunk(file, 2), chunk(file, 3)), size},
			"a chunk is left out":           {join(chunk(file, 0), chunk(file, 2), chunk(file, 3)), size - seal.ChunkSize},
			"a chunk of another key's file": {join(chunk(file, 0), chunk(other, 1), chunk(file, 2), chunk(file, 3)), size},
			"cut off after a chunk":         {file[:len(header)+2*each], size},
			"cut off, and the size with it": {file[:len(header)+2*each], 2 * seal.ChunkSize},
			"cut off by a byte":             {file[:len(file)-1], size},
			"cut off by a byte, size too":   {file[:len(file)-1], size - 1},
			"cut off to the header":         {header, size},
			"cut off to the header, size 0": {header, 0},
			"extended by a byte":            {append(slices.Clone(file), 0), size},
			"extended by a byte, size too":  {append(slices.Clone(file), 0), size + 1},
			"extended by a chunk":           {append(slices.Clone(file), chunk(same, 3)...), size},
			"empty":                         {nil, size},
		} {
			t.Run(name, func(t *testing.T) {
				o, err := seal.NewOpener(bytes.NewReader(damaged.file), k, int64(damaged.size))
				if err == nil {
					defer o.Close()
					err = o.Verify()
				}
				if !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, seal.ErrNoHeader) {
					t.Errorf("got %v", err)
				}
			})
		}
		if err := open(t, k, file, size).Verify(); err != nil {
			t.Errorf("an intact file: %v", err)
		}
	})
}

func TestAFileOfOneKeyIsNotOpenedByAnother(t *testing.T) {
	eachLayers(t, func(t *testing.T, k *seal.Key) {
		file := sealFile(t, k, []byte("hello"), 10)
		if _, err := io.ReadAll(open(t, newKey(len(k.Secrets)), file, 5)); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("read with another key: %v", err)
		}
		if _, err := seal.NewOpener(bytes.NewReader(file), newKey(3-len(k.Secrets)), 5); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("open with another number of layers: %v", err)
		}
		sealed, err := k.Seal([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newKey(len(k.Secrets)).Open(slices.Clone(sealed)); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("open with another key: %v", err)
		}
		if _, err := k.OpenBeside(slices.Clone(sealed)); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("a chunk of a file passes for a state: %v", err)
		}
	})
}

func TestNoNonceComesTwice(t *testing.T) {
	k := newKey(1)
	plain := content(10, 1)
	a, b := sealFile(t, k, plain, 10), sealFile(t, k, plain, 10)
	if bytes.Equal(a, b) {
		t.Error("the same bytes were sealed to the same bytes")
	}
}

func TestAKeyHasOneOrTwoSecrets(t *testing.T) {
	for name, k := range map[string]*seal.Key{
		"none":      {},
		"three":     {Secrets: seal.NewSecrets(3)},
		"short one": {Secrets: [][]byte{make([]byte, 16)}},
	} {
		if _, err := seal.NewSealer(k); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSealingAndReadingAllocateNothingForAChunk(t *testing.T) {
	for layers := 1; layers <= 2; layers++ {
		k := newKey(layers)
		plain := content(64*seal.ChunkSize, 1)
		s, err := seal.NewSealer(k)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 0, seal.Size(5*seal.ChunkSize, layers))
		s.Append(out, plain[:seal.ChunkSize+1])
		if n := testing.AllocsPerRun(20, func() { s.Append(out, plain[:4*seal.ChunkSize]) }); n > 0 {
			t.Errorf("%d layers: sealing four chunks allocates %v times", layers, n)
		}
		o := open(t, k, sealFile(t, k, plain, 1<<20), len(plain))
		p := make([]byte, 32<<10)
		if n := testing.AllocsPerRun(50, func() {
			if _, err := o.Read(p); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%d layers: a read allocates %v times", layers, n)
		}
	}
}

// A limitedWriter takes so many bytes and fails then.
type limitedWriter struct {
	bytes.Buffer
	limit int
}

var errFull = errors.New("full")

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.limit-w.Len())
	w.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestCopyNCopiesAnyRange(t *testing.T) {
	eachLayers(t, func(t *testing.T, k *seal.Key) {
		const size = 21*seal.ChunkSize + 5
		plain := content(size, 3)
		o := open(t, k, sealFile(t, k, plain, 1<<20), size)
		for _, from := range []int{0, 1, seal.ChunkSize, 3*seal.ChunkSize - 1, 12 * seal.ChunkSize, size - 1, size} {
			for _, n := range []int{0, 1, seal.ChunkSize, 8*seal.ChunkSize + 1, 9 * seal.ChunkSize, 17*seal.ChunkSize - 3, size - from, size} {
				if _, err := o.Seek(int64(from), io.SeekStart); err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				copied, err := o.CopyN(&got, int64(n))
				want := plain[from:min(from+n, size)]
				if short := len(want) < n; copied != int64(len(want)) || !bytes.Equal(got.Bytes(), want) || short != errors.Is(err, io.EOF) || !short && err != nil {
					t.Fatalf("CopyN of %d from %d copied %d, %v", n, from, copied, err)
				}
				rest, err := io.ReadAll(o)
				if err != nil || !bytes.Equal(rest, plain[min(from+n, size):]) {
					t.Fatalf("after CopyN of %d from %d %d bytes are left, %v", n, from, len(rest), err)
				}
			}
		}
	})
}

func TestCopyNEndsAtAFailure(t *testing.T) {
	const size = 21 * seal.ChunkSize
	k, plain := newKey(1), content(size, 3)
	file := sealFile(t, k, plain, 1<<20)
	for _, limit := range []int{0, 5*seal.ChunkSize + 3, 8 * seal.ChunkSize, size - 1} {
		w := &limitedWriter{limit: limit}
		o := open(t, k, file, size)
		if n, err := o.CopyN(w, size); n != int64(limit) || !errors.Is(err, errFull) || !bytes.Equal(w.Bytes(), plain[:limit]) {
			t.Errorf("a writer of %d bytes took %d, %v", limit, n, err)
		}
		if rest, err := io.ReadAll(o); err != nil || !bytes.Equal(rest, plain[limit:]) {
			t.Errorf("after a writer of %d bytes %d are left, %v", limit, len(rest), err)
		}
	}
	for _, at := range []int{100, len(file) / 2, len(file) - 1} {
		damaged := slices.Clone(file)
		damaged[at] ^= 1
		var got bytes.Buffer
		n, err := open(t, k, damaged, size).CopyN(&got, size)
		if !errors.Is(err, seal.ErrDamaged) || n != int64(got.Len()) || n >= size || !bytes.HasPrefix(plain, got.Bytes()) {
			t.Errorf("a flip at %d gave %d bytes, %v", at, n, err)
		}
	}
}
