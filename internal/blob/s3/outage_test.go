package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/bucket/buckettest"
	"github.com/nifuda/nifuda/internal/seal"
)

func random(size int, seed byte) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// push writes content, with a Save after each of so many pieces, and commits it.
func push(ctx context.Context, s *Store, key *seal.Key, content []byte, pieces int) (blob.Location, error) {
	w, err := s.Create(ctx, key)
	if err != nil {
		return "", err
	}
	for i := range pieces {
		if _, err := w.Write(content[i*len(content)/pieces : (i+1)*len(content)/pieces]); err != nil {
			return "", errors.Join(err, w.Abort(ctx))
		}
		if i == pieces-1 {
			break
		}
		state, err := w.Save(ctx)
		if err != nil {
			return "", err
		}
		if w, err = s.Resume(ctx, state, key); err != nil {
			return "", err
		}
	}
	location, _, err := w.Commit(ctx, digest.FromBytes(content))
	return location, err
}

func readAll(ctx context.Context, s *Store, location blob.Location, key *seal.Key, size int) ([]byte, error) {
	r, err := s.Open(ctx, location, key, int64(size))
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(r)
	return got, errors.Join(err, r.Close())
}

// Each single fault in each kind of request is healed by trying again.
func TestOneFaultIsHealed(t *testing.T) {
	server := buckettest.Start(t)
	parts, whole := random(6<<20, 1), random(100_000, 2)
	var all sync.WaitGroup
	defer all.Wait()
	for operation, content := range map[string][]byte{
		"CreateMultipartUpload": parts, "UploadPart": parts, "CompleteMultipartUpload": parts, "HeadObject": parts, "GetObject": parts,
		"PutObject": whole, "DeleteObject": whole,
	} {
		all.Go(func() { // waiting takes the most of the time
			faulty := startFaulty(t, server.Address)
			for what, name := range faultNames {
				if what == errorIn200 && operation != "CompleteMultipartUpload" || operation == "HeadObject" && what == cutAnswer {
					continue // such answers do not exist
				}
				t.Run(operation+"/"+name, func(t *testing.T) { testOneFault(t, server, faulty, operation, what, content) })
			}
		})
	}
}

func testOneFault(t *testing.T, server *buckettest.Server, faulty *faultyServer, operation string, what fault, content []byte) {
	s := openStore(t, server.URLAt(faulty.address, prefixOf(t), "timeout", "1s"))
	faulty.once(operation, what)
	location, err := push(t.Context(), s, nil, content, 2)
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	got, err := readAll(t.Context(), s, location, nil, 0)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("read: %d bytes, %v", len(got), err)
	}
	if n := faulty.count(operation); n < 2 {
		t.Errorf("%d requests of the operation: no fault was met", n)
	}
}

func TestACompletionWhoseEveryAnswerIsLostIsFound(t *testing.T) {
	server := buckettest.Start(t)
	faulty := startFaulty(t, server.Address)
	s := openStore(t, server.URLAt(faulty.address, "p"))
	faulty.inject(func(operation string) fault {
		if operation == "CompleteMultipartUpload" {
			return loseAnswer
		}
		return pass
	})
	want := random(11<<20, 3)
	location, err := push(t.Context(), s, nil, want, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t.Context(), s, location, nil, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read: %d bytes, %v", len(got), err)
	}
}

func TestACompletionThatNeverHappensIsNoSuccess(t *testing.T) {
	server := buckettest.Start(t)
	faulty := startFaulty(t, server.Address)
	s := openStore(t, server.URLAt(faulty.address, "p"))
	for _, what := range []fault{slowDown, internalError, errorIn200, cutRequest} {
		faulty.inject(func(operation string) fault {
			if operation == "CompleteMultipartUpload" {
				return what
			}
			return pass
		})
		_, err := push(t.Context(), s, nil, random(6<<20, 4), 1)
		unavailable, ok := errors.AsType[*blob.UnavailableError](err)
		if !ok || unavailable.RetryAfter() <= 0 {
			t.Errorf("%s: %v, want one to try again after", faultNames[what], err)
		}
	}
	faulty.inject(func(string) fault { return pass })
	checkEmpty(t, s, nil)
}

// checkEmpty makes sure that a sweep leaves nothing but some objects.
func checkEmpty(t *testing.T, s *Store, want map[blob.Location]bool) {
	t.Helper()
	if _, err := s.RemoveUploads(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.eachUpload(t.Context(), func(u types.MultipartUpload) error { return errors.New(aws.ToString(u.Key)) }); err != nil {
		t.Errorf("an upload is left: %v", err)
	}
	err := s.list(t.Context(), "", func(name string, _ types.Object) error {
		if name != pinged && !want[blob.Location(strings.TrimPrefix(name, blobs))] {
			t.Errorf("%s is left", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnUploadThatIsGoneIsNotFound(t *testing.T) {
	server := buckettest.Start(t)
	s := openStore(t, server.URL("p"))
	content := random(7<<20, 5)
	w, err := s.Create(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content[:6<<20]); err != nil {
		t.Fatal(err)
	}
	state, err := w.Save(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := s.Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resumed.Write(content[6<<20:]); err != nil {
		t.Fatal(err)
	}
	st, err := decodeState(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.abortParts(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if _, _, err := resumed.Commit(t.Context(), digest.FromBytes(content)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Commit: %v, want ErrNotFound", err)
	}
	if err := s.Saved(t.Context(), state); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Saved: %v, want ErrNotFound", err)
	}
	checkEmpty(t, s, nil)
}

// Who was believed dead sends a part of its own into an upload that another goes
// on with.
func TestAPartOfAnotherWriterIsNeverAcknowledged(t *testing.T) {
	server := buckettest.Start(t)
	for _, checksums := range []string{"on", "off"} {
		s := openStore(t, server.URL("p-"+checksums, "checksums", checksums))
		content := random(11<<20, 6)
		w, err := s.Create(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		state, err := w.Save(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		st, err := decodeState(state)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.bucket.API.UploadPart(t.Context(), &api.UploadPartInput{
			Bucket: &s.bucket.Bucket, Key: s.bucket.Key(blobs + string(locate(st.id))), UploadId: &st.upload, PartNumber: aws.Int32(1),
			Body: bytes.NewReader(random(5<<20, 7)), ChecksumAlgorithm: map[string]types.ChecksumAlgorithm{"on": types.ChecksumAlgorithmCrc32c}[checksums],
		})
		if err != nil {
			t.Fatal(err)
		}
		resumed, err := s.Resume(t.Context(), state, nil)
		if err != nil {
			t.Fatal(err)
		}
		location, _, err := resumed.Commit(t.Context(), digest.FromBytes(content))
		if _, ok := errors.AsType[*blob.UnavailableError](err); !ok {
			t.Errorf("checksums %s: Commit: %s, %v; want that the client comes again", checksums, location, err)
		}
		checkEmpty(t, s, nil)
	}
}

// Whatever happens on the way: what is acknowledged is there, nothing else is
// taken for it, and what is left over is found.
func TestWhateverIsAcknowledgedIsReadable(t *testing.T) {
	server := buckettest.Start(t)
	faulty := startFaulty(t, server.Address)
	good := openStore(t, server.URL("p"))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 1))
	faulty.inject(func(string) fault {
		if dice.IntN(8) > 0 {
			return pass
		}
		return fault(dice.IntN(len(faultNames)) + 1)
	})
	key := &seal.Key{Secrets: seal.NewSecrets(1), Wrapped: []byte("wrapped")}
	type pushed struct {
		content []byte
		key     *seal.Key
	}
	acknowledged := map[blob.Location]pushed{}
	failed := 0
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			s := openStore(t, server.URLAt(faulty.address, "p", "timeout", "1s"))
			for i, size := range []int{200_000, 6 << 20, 1 << 20, 11<<20 + 7, 10, 3 << 20} {
				p := pushed{content: random(size, byte(10*worker+i))}
				if i%2 == worker%2 {
					p.key = key
				}
				location, err := push(t.Context(), s, p.key, p.content, 1+(worker+i)%3)
				mu.Lock()
				if err == nil {
					acknowledged[location] = p
				} else {
					failed++
					t.Logf("not acknowledged: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%d acknowledged, %d failed", len(acknowledged), failed)
	if len(acknowledged) < failed {
		t.Error("most pushes failed: what heals them does not work")
	}
	for location, p := range acknowledged {
		if got, err := readAll(t.Context(), good, location, p.key, len(p.content)); err != nil || !bytes.Equal(got, p.content) {
			t.Errorf("%s of %d bytes was acknowledged, and reads as %d bytes, %v", location, len(p.content), len(got), err)
		}
	}
	walked := map[blob.Location]bool{}
	if err := good.Walk(t.Context(), func(o blob.Object) error { walked[o.Location] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for location := range acknowledged {
		if !walked[location] {
			t.Errorf("Walk does not show %s", location)
		}
	}
	checkEmpty(t, good, walked)
}

// Over TLS bodies are not signed: their SHA-256 would cost more than the rest.
func TestOverTLSBodiesAreChecksummedAndNotSigned(t *testing.T) {
	server := buckettest.Start(t)
	front := startTLS(t, server.Address)
	s := openStore(t, strings.Replace(server.URLAt(front.address, "p"), "endpoint=http%3A", "endpoint=https%3A", 1))
	signed, unsummed := 0, 0
	front.inspect = func(r *http.Request) {
		if r.Method != http.MethodPut {
			return
		}
		if r.Header.Get("X-Amz-Content-Sha256") != "UNSIGNED-PAYLOAD" {
			signed++
		}
		if r.Header.Get("X-Amz-Checksum-Crc32c") == "" {
			unsummed++
		}
	}
	for _, size := range []int{100_000, 11 << 20} {
		want := random(size, 1)
		location, err := push(t.Context(), s, nil, want, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(t.Context(), s, location, nil, 0); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read: %d bytes, %v", len(got), err)
		}
	}
	if signed+unsummed > 0 || front.count("PutObject") == 0 || front.count("UploadPart") == 0 {
		t.Errorf("%d bodies were signed, %d had no checksum", signed, unsummed)
	}
}

func TestACutBodyIsReadOn(t *testing.T) {
	server := buckettest.Start(t)
	faulty := startFaulty(t, server.Address)
	s := openStore(t, server.URLAt(faulty.address, "p"))
	want := random(3<<20, 8)
	key := &seal.Key{Secrets: seal.NewSecrets(2), Wrapped: []byte("wrapped")}
	for _, key := range []*seal.Key{nil, key} {
		location, err := push(t.Context(), s, key, want, 1)
		if err != nil {
			t.Fatal(err)
		}
		cuts := 0
		faulty.inject(func(operation string) fault {
			if operation != "GetObject" || cuts == 3 {
				return pass
			}
			cuts++
			return cutAnswer
		})
		if got, err := readAll(t.Context(), s, location, key, len(want)); err != nil || !bytes.Equal(got, want) || cuts != 3 {
			t.Errorf("read: %d bytes, %v after %d cuts", len(got), err, cuts)
		}
		faulty.inject(func(operation string) fault {
			if operation == "GetObject" {
				return cutAnswer
			}
			return pass
		})
		if got, err := readAll(t.Context(), s, location, nil, 0); err == nil && faulty.count("GetObject") > 40 {
			t.Errorf("read: %d bytes in %d requests, none ends it", len(got), faulty.count("GetObject"))
		}
		faulty.inject(func(string) fault { return pass })
	}
}

// A sealed blob is read in one stream, whatever the size of its chunks.
func TestReadingOnwardsTakesTwoRequests(t *testing.T) {
	server := buckettest.Start(t)
	faulty := startFaulty(t, server.Address)
	s := openStore(t, server.URLAt(faulty.address, "p"))
	want := random(8<<20, 9)
	key := &seal.Key{Secrets: seal.NewSecrets(1), Wrapped: []byte("wrapped")}
	for _, key := range []*seal.Key{nil, key} {
		location, err := push(t.Context(), s, key, want, 1)
		if err != nil {
			t.Fatal(err)
		}
		faulty.inject(func(string) fault { return pass })
		if got, err := readAll(t.Context(), s, location, key, len(want)); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read: %d bytes, %v", len(got), err)
		}
		if n := faulty.count("GetObject"); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	}
}

func TestPingTellsAndRemembers(t *testing.T) {
	server := buckettest.Start(t)
	s := openStore(t, server.URL("p", "timeout", "1s"))
	now := time.Now()
	s.now = func() time.Time { return now }
	check := func(when string, works bool) {
		t.Helper()
		if err := s.Ping(t.Context()); (err == nil) != works {
			t.Errorf("Ping %s: %v", when, err)
		}
	}
	check("at first", true)
	server.Stop()
	check("at once", true)
	now = now.Add(goodFor)
	check("when the server is gone", false)
	server.Resume(t)
	check("at once", false)
	now = now.Add(badFor)
	check("when the server is back", true)
}

func TestTheSweepSparesWhatIsBeingWritten(t *testing.T) {
	server := buckettest.Start(t)
	s := openStore(t, server.URL("p"))
	states := map[int][]byte{}
	for _, size := range []int{1000, 6 << 20, 5<<20 + 1000} {
		w, err := s.Create(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(random(size, 1)); err != nil {
			t.Fatal(err)
		}
		if states[size], err = w.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.RemoveUploads(t.Context(), time.Now().Add(-time.Minute)); n != 0 || err != nil {
		t.Errorf("RemoveUploads: %d, %v, want none", n, err)
	}
	for size, state := range states {
		if err := s.Saved(t.Context(), state); err != nil {
			t.Errorf("the upload of %d bytes: %v", size, err)
		}
	}
	if n, err := s.RemoveUploads(t.Context(), time.Now().Add(time.Minute)); n < len(states) || err != nil {
		t.Errorf("RemoveUploads: %d, %v, want all", n, err)
	}
	for size, state := range states {
		if err := s.Saved(t.Context(), state); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("the upload of %d bytes: %v, want ErrNotFound", size, err)
		}
	}
	checkEmpty(t, s, nil)
}

func TestMemoryIsBoundedAndFair(t *testing.T) {
	m := &memory{total: 10 << 20}
	first, err := m.buffer(t.Context(), 5<<20, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	second, err := m.buffer(t.Context(), 5<<20, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	if m.grow(1) {
		t.Error("memory grows beyond its half")
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.buffer(canceled, 5<<20, 16<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("a buffer beyond the limit: %v", err)
	}
	got := make(chan int, 2)
	var waiting sync.WaitGroup
	for i := range 2 {
		waiting.Go(func() {
			b, err := m.buffer(t.Context(), 5<<20, 16<<20)
			if err != nil {
				t.Error(err)
				return
			}
			got <- i
			b.release()
		})
		for awaited := false; !awaited; {
			m.mu.Lock()
			awaited = m.waiting.Len() == i+1
			m.mu.Unlock()
		}
	}
	first.release()
	if turn := <-got; turn != 0 {
		t.Error("who came second was served first")
	}
	waiting.Wait()
	second.release()
	if m.used != 0 {
		t.Errorf("%d bytes are lost", m.used)
	}
}

func TestTenThousandPartsAdmitTheLargestLayer(t *testing.T) {
	var least int64
	for n := range s3Limits.parts {
		l, most := s3Limits.of(n + 1)
		if most < l || most > 5<<30 {
			t.Fatalf("part %d has %d to %d bytes", n+1, l, most)
		}
		least += l
	}
	if least < 52_000<<20 { // ECR's largest layer
		t.Errorf("an object of the smallest parts has %d bytes", least)
	}
}

func FuzzDecodeState(f *testing.F) {
	f.Add(state{size: 1, upload: "u", parts: []part{{1, `"e"`, 7}}, memory: []byte("m")}.encode())
	f.Add([]byte("0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := decodeState(b)
		if err == nil && fmt.Sprint(st) == "" {
			t.Error("no state and no error")
		}
	})
}
