package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	verificationRunning = `{"Status":"RUNNING","StartedAt":1795608000.5,"Rate":0,"Repair":false,"Step":"blobs","Blobs":1,"Manifests":0,"Tags":0,"Links":0,"Files":0,"Bytes":2048,"Damage":0,"Counts":[],"Findings":[]}`
	verificationWhole   = `{"Status":"COMPLETE","StartedAt":1795608000.5,"EndedAt":1795608060,"LastCompletedAt":1795608060,"Rate":0,"Repair":false,"Blobs":2,"Manifests":1,"Tags":1,"Links":2,"Files":1,"Bytes":3145728,"Damage":0,"Counts":[],"Findings":[]}`
	verificationDamaged = `{"Status":"COMPLETE","StartedAt":1795608000.5,"EndedAt":1795608060,"Rate":0,"Repair":true,"Blobs":2,"Manifests":1,"Tags":1,"Links":2,"Files":1,"Bytes":3145728,"Damage":1,
		"Counts":[{"Kind":"BlobDamaged","Count":1,"Repaired":0},{"Kind":"ListingWrong","Count":1,"Repaired":1}],"Findings":[
		{"Kind":"BlobDamaged","Problem":"Of a blob, its bytes do not have its digest.","Damage":true,"Digest":"sha256:abc","Location":"ab/abc.1","Repaired":false,
			"Places":[{"RepositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/app","ImageDigest":"sha256:def","ImageTag":"1.0"}]},
		{"Kind":"ListingWrong","Problem":"It is not listed.","Damage":true,"Repaired":true}]}`
	verificationFailed = `{"Status":"FAILED","StartedAt":1795608000.5,"EndedAt":1795608060,"Failure":"it was stopped","Rate":0,"Repair":false,"Blobs":2,"Manifests":1,"Tags":1,"Links":2,"Files":1,"Bytes":3145728,"Damage":0,"Counts":[],"Findings":[]}`
)

// status returns how the command would end.
func status(err error) int {
	if err == nil {
		return 0
	}
	if ended, ok := errors.AsType[*exitError](err); ok {
		return ended.status
	}
	return -1
}

func TestVerifyEndsWithWhatItFound(t *testing.T) {
	for name, test := range map[string]struct {
		end    string
		status int
		texts  []string
	}{
		"whole":   {verificationWhole, 0, []string{"2 blobs, 1 manifests, 1 tags, 2 links and 1 files, 3.0 MiB.", "Nothing is damaged."}},
		"damaged": {verificationDamaged, 1, []string{"Damaged: 1.", "ListingWrong: 1, repaired: 1", "BlobDamaged: Of a blob, its bytes do not have its digest.", "repository/app:1.0@sha256:def", "ab/abc.1", "It is not listed. Repaired."}},
		"failed":  {verificationFailed, 2, []string{"Not everything was read: it was stopped."}},
	} {
		t.Run(name, func(t *testing.T) {
			running := `{"Verification":` + verificationRunning + `}`
			f := newFakeServer(t, map[string][]string{"StartVerification": {running}, "DescribeVerification": {running, `{"Verification":` + test.end + `}`}})
			configure(t, f.URL)
			shorten(t)
			out, err := run(t, "verify", "--repair", "--rate", "50MiB", "--profile", "nifuda")
			if status(err) != test.status {
				t.Errorf("it ends with %v", err)
			}
			for _, text := range test.texts {
				if !strings.Contains(out, text) {
					t.Errorf("the output lacks %q: %s", text, out)
				}
			}
			if in := f.asked[0]; in["Repair"] != true || in["Rate"] != float64(50<<20) {
				t.Errorf("asked for %v", in)
			}
		})
	}
}

// shorten makes commands ask often.
func shorten(t *testing.T) {
	before := pollInterval
	pollInterval = time.Millisecond
	t.Cleanup(func() { pollInterval = before })
}

func TestVerifyInJSON(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"StartVerification": {`{"Verification":` + verificationDamaged + `}`}})
	configure(t, f.URL)
	out, err := run(t, "verify", "--output", "json", "--profile", "nifuda")
	var told map[string]any
	if e := json.NewDecoder(strings.NewReader(out)).Decode(&told); e != nil || told["Damage"] != 1.0 || status(err) != 1 {
		t.Errorf("got %v, %v, %v", told, e, err)
	}
	if in := f.asked[0]; in["Rate"] != nil {
		t.Errorf("asked for %v", in)
	}
}

func TestVerifyThatCannotRunEndsWithTwo(t *testing.T) {
	f := newFakeServer(t, map[string][]string{"StartVerification": {`{"__type":"VerificationInProgressException","message":"A verification is running already"}`}})
	f.status = 400
	configure(t, f.URL)
	if _, err := run(t, "verify", "--profile", "nifuda"); status(err) != 2 || !strings.Contains(err.Error(), "running already") {
		t.Errorf("it ends with %v", err)
	}
	if _, err := run(t, "verify", "--rate", "much", "--profile", "nifuda"); status(err) != 2 || !strings.Contains(err.Error(), "--rate") {
		t.Errorf("it ends with %v", err)
	}
	f.Close()
	if _, err := run(t, "verify", "--profile", "nifuda"); status(err) != 2 {
		t.Errorf("it ends with %v", err)
	}
}

func TestVerifyTellsHowFarItIs(t *testing.T) {
	f := newFakeServer(t, map[string][]string{
		"DescribeVerification": {`{"Verification":` + verificationRunning + `}`, `{"Scrub":` + verificationWhole + `}`},
		"StopVerification":     {`{"Verification":` + verificationFailed + `}`},
	})
	configure(t, f.URL)
	for _, test := range []struct{ flag, text string }{
		{"--status", "Reading blobs since 2026-11-25T12:00:00Z"},
		{"--status", "The last verification: never began.\nThe scrub: Read everything until 2026-11-25T12:01:00Z"},
		{"--stop", "it was stopped"},
	} {
		out, err := run(t, "verify", test.flag, "--profile", "nifuda")
		if err != nil || !strings.Contains(out, test.text) {
			t.Errorf("%s prints %s, %v", test.flag, out, err)
		}
	}
}
