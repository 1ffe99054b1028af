package kms

import (
	"bytes"
	"testing"
)

func FuzzCiphertext(f *testing.F) {
	id := materialID{"2b54e9d4-bff3-4699-af0d-403e96da3226", 3}
	material := bytes.Repeat([]byte{7}, materialSize)
	genuine, err := encrypt(id, material, []byte("hello"), map[string]string{"a": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine)
	f.Add(genuine[:overhead])
	f.Add([]byte{formatV1})
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCiphertext(text)
		if err != nil {
			return
		}
		if plaintext, err := c.decrypt(material, map[string]string{"a": "b"}); err == nil && !bytes.Equal(text, genuine) {
			t.Errorf("%x was opened as %q", text, plaintext)
		}
	})
}

func TestContextsThatLookAlikeDiffer(t *testing.T) {
	seen := map[string]map[string]string{}
	for _, context := range []map[string]string{
		nil, {"": ""}, {"a": ""}, {"": "a"}, {"a": "b"}, {"ab": ""}, {"a": "b", "c": "d"}, {"a": "bcd"}, {"a": "\x00\x00\x00\x01c"},
	} {
		data := string(additionalData([]byte("header"), context))
		if other, ok := seen[data]; ok {
			t.Errorf("%v and %v are the same", other, context)
		}
		seen[data] = context
	}
}
