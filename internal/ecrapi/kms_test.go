package ecrapi_test

import (
	"encoding/json"
	"testing"

	"github.com/nifuda/nifuda/internal/registry/registrytest"
)

const disabledKey = registrytest.KeyARN + " is disabled."

// kmsRefused is the error of a call that KMS refused.
func kmsRefused(kmsError, message string) string {
	return object("__type", "KmsException", "kmsError", kmsError, "message", message)
}

// createSealed makes a repository with a KMS key.
func (f *fixture) createSealed(name string) {
	f.tb.Helper()
	f.ok("CreateRepository", `{"repositoryName":"`+name+`","encryptionConfiguration":{"encryptionType":"KMS"}}`, nil)
}

func TestRepositoryShowsItsEncryption(t *testing.T) {
	for _, encryption := range []string{"KMS", "KMS_DSSE"} {
		f := newFixture(t)
		want := `{"encryptionType":"` + encryption + `","kmsKey":"` + registrytest.KeyARN + `"}`
		var out struct {
			Repository struct{ EncryptionConfiguration json.RawMessage }
		}
		f.ok("CreateRepository", `{"repositoryName":"sealed","encryptionConfiguration":{"encryptionType":"`+encryption+`"}}`, &out)
		if got := string(out.Repository.EncryptionConfiguration); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		var described struct {
			Repositories []struct{ EncryptionConfiguration json.RawMessage }
		}
		f.ok("DescribeRepositories", `{"repositoryNames":["sealed"]}`, &described)
		if got := string(described.Repositories[0].EncryptionConfiguration); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestUnusableKey(t *testing.T) {
	f := newFixture(t)
	f.createSealed("sealed")
	f.push("sealed", "one", "latest")
	var begun struct{ UploadID string }
	f.ok("InitiateLayerUpload", `{"repositoryName":"sealed"}`, &begun)
	f.names["upload"] = begun.UploadID
	f.keys.SetUnusable(true)
	refusal := kmsRefused("DisabledException", disabledKey)
	f.run(
		step{"CreateRepository", `{"repositoryName":"other","encryptionConfiguration":{"encryptionType":"KMS"}}`, refusal},
		step{"InitiateLayerUpload", `{"repositoryName":"sealed"}`, refusal},
		step{"UploadLayerPart", `{"repositoryName":"sealed","uploadId":"<upload>","partFirstByte":0,"partLastByte":1,"layerPartBlob":"aGk="}`, refusal},
		step{"CompleteLayerUpload", `{"repositoryName":"sealed","uploadId":"<upload>","layerDigests":["<one.layer>"]}`, refusal},
		step{"PutImage", `{"repositoryName":"sealed","imageTag":"other","imageManifest":<one.text>}`, refusal},
		step{"GetDownloadUrlForLayer", `{"repositoryName":"sealed","layerDigest":"<one.layer>"}`, refusal},
		step{
			"BatchGetImage", `{"repositoryName":"sealed","imageIds":[{"imageTag":"latest"},{"imageTag":"none"}]}`,
			`{"images":[],"failures":[{"imageId":{"imageTag":"latest"},"failureCode":"KmsError","failureReason":"` + disabledKey + `"},
			{"imageId":{"imageTag":"none"},"failureCode":"ImageNotFound","failureReason":"Requested image not found"}]}`,
		},
		step{"ListImages", `{"repositoryName":"sealed"}`, `{"imageIds":[{"imageDigest":"<one>","imageTag":"latest"}]}`},
		step{
			"BatchDeleteImage", `{"repositoryName":"sealed","imageIds":[{"imageTag":"latest"}]}`,
			`{"imageIds":[{"imageDigest":"<one>","imageTag":"latest"}],"failures":[]}`,
		},
	)
	f.ok("DeleteRepository", `{"repositoryName":"sealed"}`, nil)
	f.keys.SetUnusable(false)
	if grants := f.keys.Grants(); len(grants) != 0 {
		t.Errorf("grants of deleted repositories: %v", grants)
	}
}
