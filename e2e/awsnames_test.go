package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The host names of AWS that are nifuda's in the tests of this file.
const (
	awsRegion   = "ap-northeast-1"
	awsRegistry = account + ".dkr.ecr." + awsRegion + ".amazonaws.com"
)

var awsNames = []string{
	awsRegistry,
	"api.ecr." + awsRegion + ".amazonaws.com",
	"ecr." + awsRegion + ".amazonaws.com",
}

const (
	// awsAddress is of the network in examples, because docker trusts loopback
	// addresses even without TLS. It exists in the tests' own network alone.
	awsAddress = "192.0.2.1"
	// systemCertificates is whom Debian's programs trust.
	systemCertificates = "/etc/ssl/certs/ca-certificates.crt"
	// awsNamesVariable names the directory of the certificate, in the process
	// that runs the tests under the host names of AWS.
	awsNamesVariable = "NIFUDA_E2E_AWS_NAMES"
	// awsNamesLimit is how long all of them may take.
	awsNamesLimit = 15 * time.Minute
)

var underAWSNames = os.Getenv(awsNamesVariable) != ""

// awsNameTests run with the commands of AWS's own pages: no address, no flag
// for a registry without TLS. The first ones run without such names too.
var awsNameTests = []struct {
	name string
	test func(*testing.T)
}{
	{"aws", TestCLIManagesRepositories},
	{"docker", TestDockerPushesAndPulls},
	{"docker/immutable", TestDockerPushToImmutableTag},
	{"docker manifest", TestDockerManifestPushesAnIndex},
	{"buildx", TestBuildxJoinsArchitectures},
	{"skopeo", TestSkopeoCopiesInAndOut},
	{"podman", TestPodmanPushesAndPulls},
	{"buildah", TestBuildahPushesAndPulls},
	{"ctr", TestContainerdPushesAndPulls},
	{"crane", TestCranePushesAndPulls},
	{"oras", TestORASPushesAndPulls},
	{"regctl", TestRegctlPushesAndPulls},
	{"helm", TestHelmPushesAndPullsCharts},
	{"cosign", TestCosignSignsAndVerifies},
	{"javascript", TestJavaScriptSDK},
	{"boto3", TestBoto3},
	{"docker-credential-ecr-login", testCredentialHelperSignsIn},
	{"ecr-credential-provider", testCredentialProviderSignsIn},
	{"tutorial", testTutorial},
}

// inNamespace runs a program where the host names are this machine's and the
// authority is trusted, apart from the rest of the machine: its port 443 is its
// own, and what it mounts goes with it.
const inNamespace = `
set -e
directory=$1
shift
ip link set lo up
ip address add ` + awsAddress + `/32 dev lo
mount --bind "$directory/hosts" /etc/hosts
mount --bind "$directory/ca.crt" ` + systemCertificates + `
exec "$@"`

// TestUnderTheHostNamesOfAWS runs awsNameTests in a process of their own, whose
// server is what AWS's names lead to.
func TestUnderTheHostNamesOfAWS(t *testing.T) {
	if underAWSNames {
		for _, test := range awsNameTests {
			t.Run(test.name, test.test)
		}
		return
	}
	needRoot(t, "a network of its own")
	needProgram(t, "ip", "iproute2")
	need(t, exists(systemCertificates), systemCertificates+" (Debian: apt-get install ca-certificates)")
	t.Parallel()

	directory := t.TempDir()
	writeFile(t, filepath.Join(directory, "hosts"), []byte("127.0.0.1 localhost\n"+awsAddress+" "+strings.Join(awsNames, " ")+"\n"))
	writeCertificates(t, directory, awsNames)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// They share one port, so one runs at a time.
	run := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "sh", "-c", inNamespace, "sh", directory,
		executable, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.parallel", "1", "-test.timeout", awsNamesLimit.String())
	run.Env = append(os.Environ(), awsNamesVariable+"="+directory, "NIFUDA_BIN="+binary(t))
	output, err := run.CombinedOutput()
	t.Logf("under the host names of AWS:\n%s", output)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range awsNameTests {
		passed := "--- PASS: " + t.Name() + "/" + strings.ReplaceAll(test.name, " ", "_")
		skipped := strings.Replace(passed, "PASS", "SKIP", 1) // on a developer's machine alone
		if !bytes.Contains(output, []byte(passed)) && (os.Getenv("CI") == "true" || !bytes.Contains(output, []byte(skipped))) {
			t.Errorf("%s did not run", test.name)
		}
	}
}

// writeCertificates writes ca.crt, an authority, and tls.crt and tls.key, its
// certificate for the names.
func writeCertificates(t *testing.T, directory string, names []string) {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nifuda's tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authorityKey, leafKey := newKey(t), newKey(t)
	writePEM(t, filepath.Join(directory, "ca.crt"), "CERTIFICATE", signCertificate(t, authority, authority, authorityKey, authorityKey))
	writePEM(t, filepath.Join(directory, "tls.crt"), "CERTIFICATE", signCertificate(t, leaf, authority, leafKey, authorityKey))
	private, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(directory, "tls.key"), "PRIVATE KEY", private)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signCertificate(t *testing.T, certificate, authority *x509.Certificate, key, authorityKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate, authority, key.Public(), authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	writeFile(t, name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
