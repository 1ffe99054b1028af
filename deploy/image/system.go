package main

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// system is what the binary needs beside itself: names for its user, the
// authorities that it trusts where it calls S3, OpenID Connect providers and KMS,
// a directory for what SQLite sorts, and the directory of its data. A new volume
// at /data takes over owner and mode.
func system() []entry {
	user := fmt.Sprintf("root:x:0:0:root:/:/nologin\nnifuda:x:%d:%d:nifuda:/data:/nologin\n", owner, owner)
	group := fmt.Sprintf("root:x:0:\nnifuda:x:%d:\n", owner)
	return []entry{
		{path: "data/", mode: 0o700, owner: owner},
		{path: "etc/", mode: 0o755},
		{path: "etc/passwd", mode: 0o644, data: []byte(user)},
		{path: "etc/group", mode: 0o644, data: []byte(group)},
		{path: "etc/ssl/", mode: 0o755},
		{path: "etc/ssl/certs/", mode: 0o755},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: authorities()},
		{path: "tmp/", mode: 0o1777},
	}
}

// authorities are the roots that Mozilla trusts without reservation. Those that it
// trusts for older certificates alone are left out: a file cannot say so.
func authorities() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		// A buffer takes everything.
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return text.Bytes()
}
