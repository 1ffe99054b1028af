package ecrapi_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/authn"
)

func TestBatchCheckLayerAvailability(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	f.names["fresh"] = f.layer("app", "fresh")
	f.names["unknown"] = unknown
	const reason = "Invalid request parameters: layer digest should be 'sha256:' or 'sha512:' and lower-case hexadecimal digits"
	f.run(
		step{
			"BatchCheckLayerAvailability", `{"repositoryName":"app","layerDigests":["<unknown>","<v1.layer>","nonsense","","<fresh>","md5:abcd","<v1.layer>"]}`,
			`{"layers":[
				{"layerDigest":"<unknown>","layerAvailability":"UNAVAILABLE"},
				{"layerDigest":"<v1.layer>","layerAvailability":"AVAILABLE","layerSize":11,"mediaType":"` + layerType + `"},
				{"layerDigest":"<fresh>","layerAvailability":"AVAILABLE","layerSize":5,"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"},
				{"layerDigest":"<v1.layer>","layerAvailability":"AVAILABLE","layerSize":11,"mediaType":"` + layerType + `"}],
			"failures":[
				{"layerDigest":"nonsense","failureCode":"InvalidLayerDigest","failureReason":"` + reason + `"},
				{"failureCode":"MissingLayerDigest","failureReason":"Invalid request parameters: layer digest cannot be empty"},
				{"layerDigest":"md5:abcd","failureCode":"InvalidLayerDigest","failureReason":"` + reason + `"}]}`,
		},
		step{"BatchCheckLayerAvailability", `{"repositoryName":"app","layerDigests":["<unknown>"]}`, `{"layers":[{"layerDigest":"<unknown>","layerAvailability":"UNAVAILABLE"}],"failures":[]}`},
		step{
			"BatchCheckLayerAvailability", `{"repositoryName":"app","layerDigests":[""]}`,
			`{"layers":[],"failures":[{"failureCode":"MissingLayerDigest","failureReason":"Invalid request parameters: layer digest cannot be empty"}]}`,
		},
		step{"BatchCheckLayerAvailability", `{"repositoryName":"none","layerDigests":[""]}`, refused("RepositoryNotFoundException", noRepository)},
		step{"BatchCheckLayerAvailability", `{"repositoryName":"app","layerDigests":[]}`, invalid("layerDigests", "Member must have length greater than or equal to 1")},
	)
}

// initiate begins an upload and makes <upload> its id.
func (f *fixture) initiate(repository string) {
	f.tb.Helper()
	var started struct {
		UploadID string
		PartSize int64
	}
	f.ok("InitiateLayerUpload", object("repositoryName", repository), &started)
	if started.PartSize != 10485760 {
		f.tb.Errorf("partSize %d, want 10485760", started.PartSize)
	}
	f.names["upload"] = started.UploadID
}

func part(first, last int64, content string) string {
	return fmt.Sprintf(`{"repositoryName":"app","uploadId":"<upload>","partFirstByte":%d,"partLastByte":%d,"layerPartBlob":%q}`,
		first, last, base64.StdEncoding.EncodeToString([]byte(content)))
}

func received(last int64) string {
	return fmt.Sprintf(`{"registryId":"123456789012","repositoryName":"app","uploadId":"<upload>","lastByteReceived":%d}`, last)
}

func misplaced(first, expected int64) string {
	return fmt.Sprintf(`{"__type":"InvalidLayerPartException","message":"First byte of the layer part is %d instead of %d",
		"registryId":"123456789012","repositoryName":"app","uploadId":"<upload>","lastValidByteReceived":%d}`, first, expected, expected-1)
}

const (
	complete  = `{"repositoryName":"app","uploadId":"<upload>","layerDigests":["` + unknown + `","md5:abcd","<layer>"]}`
	completed = `{"registryId":"123456789012","repositoryName":"app","uploadId":"<upload>","layerDigest":"<layer>"}`
	noUpload  = "The upload with id '<upload>' does not exist in the repository with name 'app' in the registry with id '123456789012'"
)

func TestLayerUpload(t *testing.T) {
	f := newFixture(t)
	f.create("app", "elsewhere")
	f.names["layer"] = digest.FromString("hello world").String()
	f.initiate("app")
	f.run(
		step{"UploadLayerPart", part(5, 9, "hello"), misplaced(5, 0)},
		step{"CompleteLayerUpload", complete, refused("EmptyUploadException",
			"The upload with id '<upload>' in the repository with name 'app' in registry with id '123456789012' cannot be completed because it does not have any parts")},
		step{"UploadLayerPart", part(0, 10, "hello world"), received(10)},
		step{"UploadLayerPart", part(0, 10, "hello world"), misplaced(0, 11)},
		step{"UploadLayerPart", part(12, 12, "x"), misplaced(12, 11)},
		step{"CompleteLayerUpload", `{"repositoryName":"elsewhere","uploadId":"<upload>","layerDigests":["<layer>"]}`, refused("UploadNotFoundException",
			strings.Replace(noUpload, "app", "elsewhere", 1))},
		step{"CompleteLayerUpload", `{"repositoryName":"app","uploadId":"<upload>","layerDigests":["` + unknown + `"]}`, refused("InvalidLayerException",
			"None of the provided layer digests match the calculated layer digest")},
		step{"CompleteLayerUpload", `{"repositoryName":"app","uploadId":"<upload>","layerDigests":["md5:abcd"]}`, refused("InvalidLayerException",
			"None of the provided layer digests match the calculated layer digest")},
		step{"CompleteLayerUpload", complete, completed},
		step{"CompleteLayerUpload", complete, refused("UploadNotFoundException", noUpload)},
		step{"UploadLayerPart", part(0, 10, "hello world"), refused("UploadNotFoundException", noUpload)},
	)
	f.initiate("app")
	f.run(
		step{"UploadLayerPart", part(0, 10, "hello world"), received(10)},
		step{"CompleteLayerUpload", complete, refused("LayerAlreadyExistsException",
			"Layer with digest '<layer>' already exists in the repository with name 'app' in registry with id '123456789012'")},
	)
}

func TestLayerUploadInParts(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	const size = 5 << 20
	large := strings.Repeat("0123456789abcdef", size/16)
	f.names["layer"] = digest.FromString(large + large + "end").String()
	f.initiate("app")
	f.run(
		step{"UploadLayerPart", part(0, size-1, large), received(size - 1)},
		step{"UploadLayerPart", part(size, 2*size-1, large), received(2*size - 1)},
		step{"UploadLayerPart", part(2*size, 2*size+2, "end"), received(2*size + 2)},
		step{"CompleteLayerUpload", complete, completed},
	)
	f.initiate("app")
	f.run(
		step{"UploadLayerPart", part(0, size-2, large[1:]), received(size - 2)},
		step{"UploadLayerPart", part(size-1, size+1, "end"), received(size + 1)},
		step{"CompleteLayerUpload", complete, refused("LayerPartTooSmallException", "All layer parts except the last part should be at least 5MB")},
	)
}

func TestTheLargestPartFits(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.initiate("app")
	large := strings.Repeat("x", 20<<20)
	f.run(
		step{"UploadLayerPart", part(0, 20<<20, large+"x"), invalid("layerPartBlob", "Member must have length less than or equal to 20971520")},
		step{"UploadLayerPart", part(0, 20<<20-1, large), received(20<<20 - 1)},
	)
}

func TestUploadLayerPartRefuses(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.initiate("app")
	constraint := "must be partFirstByte and the length of layerPartBlob minus 1"
	f.run(
		step{"UploadLayerPart", part(0, 5, "hello"), invalid("partLastByte", constraint)},
		step{"UploadLayerPart", part(0, 3, "hello"), invalid("partLastByte", constraint)},
		step{"UploadLayerPart", part(1<<63-1, 0, "hello"), invalid("partLastByte", constraint)},
		step{"UploadLayerPart", part(1, 0, ""), invalid("layerPartBlob", "Member must have length greater than or equal to 1")},
		step{"UploadLayerPart", part(-1, 0, "he"), invalid("partFirstByte", "Member must have value greater than or equal to 0")},
		step{
			"UploadLayerPart", `{"repositoryName":"app","uploadId":"x","partFirstByte":0,"partLastByte":0,"layerPartBlob":"aA=="}`,
			invalid("uploadId", "must satisfy regular expression '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'"),
		},
		step{"UploadLayerPart", `{"repositoryName":"none","uploadId":"<upload>","partFirstByte":0,"partLastByte":0,"layerPartBlob":"aA=="}`, refused("RepositoryNotFoundException", noRepository)},
		step{"InitiateLayerUpload", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
	)
	f.names["upload"] = "01234567-89ab-cdef-0123-456789abcdef"
	f.run(step{"UploadLayerPart", part(0, 4, "hello"), refused("UploadNotFoundException", noUpload)})
}

func TestGetDownloadUrlForLayer(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	f.names["fresh"] = f.layer("app", "fresh")
	f.tls = true
	var got struct{ DownloadURL, LayerDigest string }
	f.ok("GetDownloadUrlForLayer", `{"repositoryName":"app","layerDigest":"<v1.layer>"}`, &got)
	address, err := url.Parse(got.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	if at := address.Scheme + "://" + address.Host + address.Path; at != "https://localhost:5050/layers" {
		t.Errorf("the address is at %s", at)
	}
	what, err := f.downloads.Verify(address.Query())
	if err != nil {
		t.Fatal(err)
	}
	want := authn.Download{Account: account, Region: region, Repository: "app", Digest: f.names["v1.layer"]}
	if diff := cmp.Diff(want, what); diff != "" || got.LayerDigest != want.Digest {
		t.Errorf("%s is good for (-want +got):\n%s", got.LayerDigest, diff)
	}
	f.now = f.now.Add(time.Hour)
	if _, err := f.downloads.Verify(address.Query()); err == nil {
		t.Error("the address is still good after an hour")
	}
	f.run(
		step{"GetDownloadUrlForLayer", `{"repositoryName":"app","layerDigest":"<fresh>"}`, refused("LayerInaccessibleException",
			"The layer with digest '<fresh>' in the repository with name 'app' in the registry with id '123456789012' is not accessible because no image refers to it")},
		step{"GetDownloadUrlForLayer", `{"repositoryName":"app","layerDigest":"` + unknown + `"}`, refused("LayersNotFoundException",
			"The layer with digest '"+unknown+"' does not exist within the repository with name 'app' in the registry with id '123456789012'")},
		step{"GetDownloadUrlForLayer", `{"repositoryName":"app","layerDigest":"x"}`, invalid("layerDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")},
		step{"GetDownloadUrlForLayer", `{"repositoryName":"none","layerDigest":"` + unknown + `"}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestDigestsOfSHA512(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.names["layer"] = digest.SHA512.FromString("hello").String()
	f.initiate("app")
	f.run(
		step{"UploadLayerPart", part(0, 4, "hello"), received(4)},
		step{"CompleteLayerUpload", complete, completed},
	)
}
