package authn

import (
	"testing"
	"time"
)

// The encoding is behind the seal, where only a test from inside reaches it.
func FuzzDecodeToken(f *testing.F) {
	f.Add(Token{AccessKeyID: "A", Account: "B", Region: "C", Expires: time.Unix(1, 0)}.encode())
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := decodeToken(b)
		if err != nil {
			return
		}
		again, err := decodeToken(token.encode())
		if err != nil || again != token {
			t.Errorf("%v became %v, %v", token, again, err)
		}
	})
}
