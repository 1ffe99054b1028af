package seal_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/seal"
)

// goldenKey is the key of the files in testdata.
func goldenKey(layers int) *seal.Key {
	k := &seal.Key{Wrapped: []byte("golden")}
	for layer := range layers {
		k.Secrets = append(k.Secrets, bytes.Repeat([]byte{byte('a' + layer)}, seal.SecretSize))
	}
	return k
}

// TestTheFormStaysAsItIs opens what an earlier version sealed. The files must
// never change: what people have stored is like them.
func TestTheFormStaysAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		layers int
		want   string
	}{
		"empty":  {1, ""},
		"small":  {1, "hello, world"},
		"double": {2, "hello, world"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".hex")
			if os.Getenv("NIFUDA_GOLDEN") != "" {
				writeGolden(t, path, goldenKey(test.layers), test.want)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
			if err != nil {
				t.Fatal(err)
			}
			k := goldenKey(test.layers)
			got, err := io.ReadAll(open(t, k, file, len(test.want)))
			if err != nil || string(got) != test.want {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
			if err := open(t, k, file, len(test.want)).Verify(); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
}

func writeGolden(t *testing.T, path string, k *seal.Key, plain string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, c := range sealFile(t, k, []byte(plain), 1000) {
		if i > 0 && i%32 == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(hex.EncodeToString([]byte{c}))
	}
	if err := os.WriteFile(path, []byte(b.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// FuzzOpener checks that no file makes an Opener panic, or give what was not
// sealed.
func FuzzOpener(f *testing.F) {
	k := newKey(1)
	plain := content(seal.ChunkSize+100, 1)
	file := sealFile(f, k, plain, 1<<20)
	f.Add(file[:100], int64(10))
	f.Add(file[:len(file)-1], int64(len(plain)))
	f.Add([]byte("nifuda\x01\x01\xff\xff"), int64(0))
	f.Add([]byte{}, int64(-1))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		o, err := seal.NewOpener(bytes.NewReader(b), k, size)
		if err != nil {
			return
		}
		defer o.Close()
		got, err := io.ReadAll(io.LimitReader(o, 1<<20))
		if err == nil && len(got) > 0 && !bytes.HasPrefix(plain, got) {
			t.Errorf("opened %d bytes that nobody sealed", len(got))
		}
		if _, err := seal.ReadHeader(bytes.NewReader(b)); err != nil {
			t.Errorf("opened without a header: %v", err)
		}
	})
}

// FuzzOpen is FuzzOpener for what is in memory.
func FuzzOpen(f *testing.F) {
	k := newKey(2)
	sealed, err := k.Seal([]byte("hello"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed[:len(sealed)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := k.Open(bytes.Clone(b)); err == nil && !bytes.Equal(b, sealed) {
			t.Error("opened what nobody sealed")
		}
		if _, err := k.OpenBeside(bytes.Clone(b)); err == nil {
			t.Error("opened what is no state")
		}
	})
}
