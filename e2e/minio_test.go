//go:build linux

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A minio is servers of MinIO that keep each object in parts, of which some may be
// lost, behind one address. Nothing of MinIO is linked with the tests: they run
// the program.
type minio struct {
	members []*minioMember
	front   *front
}

// A minioMember is one of the servers, with a directory of its own.
type minioMember struct {
	t             *testing.T
	name, address string
	args          []string
	directory     string
	process       *exec.Cmd
}

// minioEnvironment lets one disk do for several members, which is for tests.
var minioEnvironment = []string{"MINIO_ROOT_USER=bucket", "MINIO_ROOT_PASSWORD=bucket-secret", "MINIO_CI_CD=on", "MINIO_BROWSER=off", "MINIO_UPDATE=off"}

// startMinio runs a cluster of so many members until the test ends.
func startMinio(t *testing.T, members int) *minio {
	t.Helper()
	needClient(t, "minio")
	m := &minio{}
	var addresses, volumes []string
	for number := range members {
		member := &minioMember{t: t, name: fmt.Sprintf("member %d of MinIO", number+1), address: freeAddress(t), directory: t.TempDir()}
		m.members = append(m.members, member)
		addresses = append(addresses, member.address)
		volumes = append(volumes, "http://"+member.address+filepath.Join(member.directory, "objects"))
	}
	for _, member := range m.members {
		member.args = append([]string{"server", "--address", member.address}, volumes...)
		member.start()
		t.Cleanup(member.end)
	}
	m.front = startFrontOf(t, "/minio/health/ready", addresses...)
	await(t, "MinIO", m.whole)
	return m
}

func (m *minioMember) start() {
	m.t.Helper()
	log, err := os.OpenFile(m.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close() // the process has its own
	m.process = exec.Command("minio", m.args...)
	m.process.Dir, m.process.Stdout, m.process.Stderr = m.directory, log, log
	// Inside a container it takes no loopback address for its own unless told.
	m.process.Env = slices.Concat(os.Environ(), minioEnvironment, []string{"HOME=" + m.directory, "_MINIO_SERVER_LOCAL=" + m.address})
	if err := m.process.Start(); err != nil {
		m.t.Fatalf("start %s: %v", m.name, err)
	}
}

func (m *minioMember) logFile() string { return filepath.Join(m.directory, "log") }

// kill ends the member as a crash does.
func (m *minioMember) kill() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
}

func (m *minioMember) end() {
	m.kill()
	if m.t.Failed() {
		log := readFile(m.t, m.logFile())
		m.t.Logf("the end of the log of %s:\n%s", m.name, log[max(0, len(log)-logShown):])
	}
}

// whole is whether each member says that the others could do without it.
func (m *minio) whole() bool {
	for _, member := range m.members {
		response, err := http.Get("http://" + member.address + "/minio/health/cluster?maintenance=true") //nolint:noctx // ends with the process that is asked
		if err != nil {
			return false
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}

// makeBucket makes a bucket, whose address is that of all members.
func (m *minio) makeBucket(t *testing.T) bucket {
	t.Helper()
	b := bucket{address: m.front.address, name: "images", env: []string{
		"AWS_ACCESS_KEY_ID=bucket", "AWS_SECRET_ACCESS_KEY=bucket-secret", "AWS_CONFIG_FILE=" + filepath.Join(t.TempDir(), "none"),
	}}
	await(t, "a member behind the front", func() bool { return m.front.choose() != nil })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+b.address+"/"+b.name, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	request.Header.Set("X-Amz-Content-Sha256", emptySHA256)
	key := aws.Credentials{AccessKeyID: "bucket", SecretAccessKey: "bucket-secret"}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, request, emptySHA256, "s3", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("make a bucket: %s", response.Status)
	}
	return b
}

// disturb loses two members under load, one after the other, and gives them back.
func (m *minio) disturb(t *testing.T, luck *rand.Rand) (all []disturbance) {
	t.Helper()
	const phase = 8 * time.Second // of load
	during := func(name string, work func()) {
		d := disturbance{name: name, began: time.Now()}
		work()
		time.Sleep(phase / 2)
		d.end = time.Now()
		time.Sleep(phase / 2)
		all = append(all, d)
	}
	during("nothing", func() {})
	for _, at := range luck.Perm(len(m.members))[:2] {
		member := m.members[at]
		during(member.name+" killed", member.kill)
		during(member.name+" started again", func() {
			member.start()
			await(t, member.name, m.whole)
		})
	}
	return all
}

// failed is how many requests of the nodes got no answer.
func (m *minio) failed() (n int64) {
	for _, p := range m.front.places {
		n += p.failed.Load()
	}
	return n
}

// TestSoakABucketOfFourNodesLosesOne kills members of a MinIO of four, which keeps
// two parts and two of parity of each object, while clients push and pull through
// two nodes of nifuda. Whatever fails heals by the clients' own repetition, and in
// the end everything acknowledged is there, whichever member is missing.
func TestSoakABucketOfFourNodesLosesOne(t *testing.T) {
	if os.Getenv("NIFUDA_SOAK") == "" {
		t.Skip("takes a MinIO that is built for it: NIFUDA_SOAK=1")
	}
	luck := newLuck(t)
	store := startMinio(t, 4)
	c := startClusterOn(t, store.makeBucket(t), 2)
	load := c.newChaos(t, 6, luck)
	var disturbances []disturbance
	load.runDuring(t, func() { disturbances = store.disturb(t, luck) })
	load.report(t, disturbances)
	t.Logf("%d operations acknowledged, %d tries repeated; %d requests to MinIO without an answer; longest pause %.2f s",
		len(load.done), load.repeated, store.failed(), load.longestPause(disturbances[0].began, time.Now()).Seconds())

	c.mustHold(t, load, "with all members")
	for _, member := range store.members {
		member.kill()
		c.mustHold(t, load, "without "+member.name)
		member.start()
		await(t, member.name, store.whole)
	}
	checkDatabase(t, c.nodes[0].server)
	var blobs int
	if err := openDatabase(t, c.nodes[0].server).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM blobs WHERE location IS NOT NULL").Scan(&blobs); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d blobs in the bucket", blobs)
	if blobs == 0 {
		t.Error("no blob was in the bucket")
	}
}
