package ecrapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	unknown = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	// stored is what PutImage and BatchGetImage answer of the image v1.
	stored = `{"registryId":"123456789012","repositoryName":"app","imageId":{"imageDigest":"<v1>","imageTag":"a"},` +
		`"imageManifest":<v1.text>,"imageManifestMediaType":"` + imageType + `"}`
	storedUntagged = `{"registryId":"123456789012","repositoryName":"app","imageId":{"imageDigest":"<v1>"},` +
		`"imageManifest":<v1.text>,"imageManifestMediaType":"` + imageType + `"}`
)

func TestPutImage(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.image("app", "v1")
	f.image("app", "v2")
	f.run(
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":"a","imageDigest":"<v1>"}`, `{"image":` + stored + `}`},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":"a"}`, refused("ImageAlreadyExistsException",
			"Image with digest '<v1>' and tag 'a' already exists in the repository with name 'app' in registry with id '123456789012'")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>}`, refused("ImageAlreadyExistsException",
			"Image with digest '<v1>' and tag 'null' already exists in the repository with name 'app' in registry with id '123456789012'")},
		step{
			"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":"b","imageManifestMediaType":"` + imageType + `"}`,
			`{"image":` + strings.Replace(stored, `"a"`, `"b"`, 1) + `}`,
		},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v2.text>,"imageTag":"a"}`, `{"image":` + strings.ReplaceAll(stored, "<v1", "<v2") + `}`},
		step{"ListImages", `{"repositoryName":"app"}`, `{"imageIds":[{"imageDigest":"<v2>","imageTag":"a"},{"imageDigest":"<v1>","imageTag":"b"}]}`},
	)
}

func TestPutImageWithoutTag(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.image("app", "v1")
	f.run(
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>}`, `{"image":` + storedUntagged + `}`},
		step{"ListImages", `{"repositoryName":"app"}`, `{"imageIds":[{"imageDigest":"<v1>"}]}`},
	)
}

func TestPutImageRefuses(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.image("app", "v1")
	f.name("lost", manifest("never uploaded"))
	f.name("index", map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{descriptor(imageType, "not an image")}})
	f.name("typeless", map[string]any{"schemaVersion": 2, "config": descriptor(configType, "{}"), "layers": []any{}})
	lost := descriptor(layerType, "never uploaded")["digest"].(string)
	child := descriptor(imageType, "not an image")["digest"].(string)
	mismatch := func(given string) string {
		return refused("ImageDigestDoesNotMatchException",
			"The image with digest '"+given+"' in repository 'app' and registry ID '123456789012' does not match the image digest that Amazon ECR has calculated.")
	}
	f.run(
		step{"PutImage", `{"repositoryName":"app"}`, invalid("imageManifest", "Member must not be null")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":"{"}`, invalid("ImageManifest", "Invalid JSON syntax")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<typeless.text>}`, invalid("ImageManifest", "Invalid JSON syntax")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":"a+b"}`, invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":""}`, invalid("imageTag", "Member must have length greater than or equal to 1")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":"` + strings.Repeat("a", 301) + `"}`, invalid("imageTag", "Member must have length less than or equal to 300")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageDigest":"nonsense"}`, invalid("imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageDigest":"` + unknown + `"}`, mismatch(unknown)},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageDigest":"md5:abcd"}`, mismatch("md5:abcd")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<lost.text>}`, refused("LayersNotFoundException",
			"Layers with digests '["+lost+"]' required for pushing image into repository with name 'app' in the registry with id '123456789012' do not exist")},
		step{"PutImage", `{"repositoryName":"app","imageManifest":<index.text>}`, refused("ReferencedImagesNotFoundException",
			"Images with digests '["+child+"]' required for pushing image into repository with name 'app' in the registry with id '123456789012' do not exist")},
		step{"PutImage", `{"repositoryName":"none","imageManifest":<v1.text>}`, refused("RepositoryNotFoundException", noRepository)},
		step{"DescribeImages", `{"repositoryName":"app"}`, `{"imageDetails":[]}`},
	)
}

func TestPutImageKeepsImmutableTags(t *testing.T) {
	f := newFixture(t)
	f.ok("CreateRepository", `{"repositoryName":"app","imageTagMutability":"IMMUTABLE"}`, nil)
	f.push("app", "v1", "a")
	f.image("app", "v2")
	f.run(step{"PutImage", `{"repositoryName":"app","imageManifest":<v2.text>,"imageTag":"a"}`, refused("ImageTagAlreadyExistsException",
		"The image tag 'a' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.")})
}

func TestBatchGetImage(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	f.push("app", "v2", "b")
	notFound := func(id string) string {
		return `{"imageId":` + id + `,"failureCode":"ImageNotFound","failureReason":"Requested image not found"}`
	}
	f.run(
		step{"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}]}`, `{"images":[` + stored + `],"failures":[]}`},
		step{"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageDigest":"<v1>"}]}`, `{"images":[` + storedUntagged + `],"failures":[]}`},
		step{"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageDigest":"<v1>","imageTag":"a"}]}`, `{"images":[` + stored + `],"failures":[]}`},
		step{
			"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}],"acceptedMediaTypes":["application/vnd.docker.distribution.manifest.v2+json"]}`,
			`{"images":[` + stored + `],"failures":[]}`,
		},
		step{
			"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"none"},{"imageTag":"a"},{},{"imageDigest":"x"},{"imageTag":"a+b"},
				{"imageTag":""},{"imageDigest":"` + unknown + `"},{"imageDigest":"md5:abcd"},{"imageDigest":"<v1>","imageTag":"b"}]}`,
			`{"images":[` + stored + `],"failures":[` + notFound(`{"imageTag":"none"}`) + `,
				{"imageId":{},"failureCode":"MissingDigestAndTag","failureReason":"Invalid request parameters: both tag and digest cannot be null"},
				{"imageId":{"imageDigest":"x"},"failureCode":"InvalidImageDigest","failureReason":"Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"},
				{"imageId":{"imageTag":"a+b"},"failureCode":"InvalidImageTag","failureReason":"Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'"},
				{"imageId":{"imageTag":""},"failureCode":"InvalidImageTag","failureReason":"Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'"},
				` + notFound(`{"imageDigest":"`+unknown+`"}`) + `,` + notFound(`{"imageDigest":"md5:abcd"}`) + `,` + notFound(`{"imageDigest":"<v1>","imageTag":"b"}`) + `]}`,
		},
		step{"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"none"}]}`, `{"images":[],"failures":[` + notFound(`{"imageTag":"none"}`) + `]}`},
		step{"BatchGetImage", `{"repositoryName":"app","imageIds":[]}`, invalid("imageIds", "Member must have length greater than or equal to 1")},
		step{"BatchGetImage", `{"repositoryName":"none","imageIds":[{"imageTag":"a"}]}`, refused("RepositoryNotFoundException", noRepository)},
		step{"BatchGetImage", `{"repositoryName":"none","imageIds":[{}]}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestBatchGetImageBoundsItsResponse(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.image("app", "v1")
	large := manifest("layer of v1")
	large["annotations"] = map[string]string{"text": strings.Repeat("x", 3<<20)}
	f.name("large", large)
	f.ok("PutImage", `{"repositoryName":"app","imageTag":"large","imageManifest":<large.text>}`, nil)
	ids := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"imageTag":"large"},`, n), ",")
	}
	f.run(step{"BatchGetImage", `{"repositoryName":"app","imageIds":[` + ids(11) + `]}`, refused("LimitExceededException",
		"The manifests of the requested images have more than 32 MiB together. Ask for fewer images at a time.")})
	var got struct {
		Images []struct{ ImageManifest string }
	}
	f.ok("BatchGetImage", `{"repositoryName":"app","imageIds":[`+ids(10)+`]}`, &got)
	if len(got.Images) != 10 {
		t.Errorf("%d images, want 10", len(got.Images))
	}
}

// A digest is of the exact bytes, so characters that JSON or HTML may escape
// must come back as they went in.
func TestManifestsComeBackByteForByte(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.image("app", "v1")
	payload := "{ \"schemaVersion\":2,\r\n\t\"mediaType\":\"" + imageType + "\",\"config\":" + encode(t, descriptor(configType, "{}")) +
		",\"layers\":[],\"annotations\":{\"a\":\"<&>\\u003c\u2028é\U0001F600\\/\"}}\n"
	f.ok("PutImage", `{"repositoryName":"app","imageTag":"a","imageManifest":`+encode(t, payload)+`}`, nil)
	var got struct {
		Images []struct{ ImageManifest string }
	}
	f.ok("BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}]}`, &got)
	if got.Images[0].ImageManifest != payload {
		t.Errorf("got %q, want %q", got.Images[0].ImageManifest, payload)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBatchGetImageCountsAsAPull(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	detail := `"registryId":"123456789012","repositoryName":"app","imageDigest":"<v1>","imageTags":["a"],"imageSizeInBytes":13,"imagePushedAt":1795316400.000,
		"imageManifestMediaType":"` + imageType + `","artifactMediaType":"` + configType + `","imageStatus":"ACTIVE"`
	f.run(step{"DescribeImages", `{"repositoryName":"app"}`, `{"imageDetails":[{` + detail + `}]}`})
	f.now = f.now.Add(90 * time.Second)
	f.ok("BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}]}`, nil)
	f.run(step{"DescribeImages", `{"repositoryName":"app"}`, `{"imageDetails":[{` + detail + `,"lastRecordedPullTime":1795316490.000}]}`})
}

func TestBatchDeleteImage(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a", "b", "c")
	f.push("app", "v2", "d")
	f.push("app", "v3")
	f.name("index", map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{
		map[string]any{"mediaType": imageType, "digest": f.names["v3"], "size": 1},
	}})
	f.ok("PutImage", `{"repositoryName":"app","imageManifest":<index.text>,"imageTag":"all"}`, nil)
	f.run(
		step{"BatchDeleteImage", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}]}`, `{"imageIds":[{"imageDigest":"<v1>","imageTag":"a"}],"failures":[]}`},
		step{
			"BatchDeleteImage", `{"repositoryName":"app","imageIds":[{"imageDigest":"<v2>","imageTag":"b"},{"imageDigest":"<v1>","imageTag":"b"},{},{"imageDigest":"x"},{"imageTag":"b"},{"imageDigest":"<v3>"},{"imageTag":"a+b"}]}`,
			`{"imageIds":[{"imageDigest":"<v1>","imageTag":"b"}],"failures":[
				{"imageId":{"imageDigest":"<v2>","imageTag":"b"},"failureCode":"ImageNotFound","failureReason":"Requested image not found"},
				{"imageId":{},"failureCode":"MissingDigestAndTag","failureReason":"Invalid request parameters: both tag and digest cannot be null"},
				{"imageId":{"imageDigest":"x"},"failureCode":"InvalidImageDigest","failureReason":"Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"},
				{"imageId":{"imageTag":"b"},"failureCode":"ImageNotFound","failureReason":"Requested image not found"},
				{"imageId":{"imageDigest":"<v3>"},"failureCode":"ImageReferencedByManifestList","failureReason":"Requested image referenced by manifest list: [<index>]"},
				{"imageId":{"imageTag":"a+b"},"failureCode":"InvalidImageTag","failureReason":"Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'"}]}`,
		},
		step{
			"BatchDeleteImage", `{"repositoryName":"app","imageIds":[{"imageDigest":"<index>"},{"imageDigest":"<v3>"},{"imageTag":"c"},{"imageTag":"d"}]}`,
			`{"imageIds":[{"imageDigest":"<index>","imageTag":"all"},{"imageDigest":"<v3>"},{"imageDigest":"<v1>","imageTag":"c"},{"imageDigest":"<v2>","imageTag":"d"}],"failures":[]}`,
		},
		step{"ListImages", `{"repositoryName":"app"}`, `{"imageIds":[]}`},
		step{"BatchDeleteImage", `{"repositoryName":"none","imageIds":[{}]}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestListImages(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a", "b")
	f.push("app", "v2")
	const tagged, untagged = `{"imageDigest":"<v1>","imageTag":"a"},{"imageDigest":"<v1>","imageTag":"b"}`, `{"imageDigest":"<v2>"}`
	for filter, want := range map[string]string{
		`{}`: tagged + "," + untagged,
		`{"tagStatus":"ANY","imageStatus":"ANY"}`:         tagged + "," + untagged,
		`{"tagStatus":"TAGGED"}`:                          tagged,
		`{"tagStatus":"UNTAGGED","imageStatus":"ACTIVE"}`: untagged,
		`{"imageStatus":"ARCHIVED"}`:                      "",
		`{"imageStatus":"ACTIVATING"}`:                    "",
	} {
		f.run(step{"ListImages", `{"repositoryName":"app","filter":` + filter + `}`, `{"imageIds":[` + want + `]}`})
	}
	f.run(
		step{"ListImages", `{"repositoryName":"app","filter":{"tagStatus":"SOME"}}`, invalid("filter.tagStatus", "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]")},
		step{"ListImages", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
		step{"ListImages", `{"repositoryName":"none","filter":{"imageStatus":"ARCHIVED"}}`, refused("RepositoryNotFoundException", noRepository)},
		step{"ListImages", `{"repositoryName":"app","maxResults":1001}`, invalid("maxResults", "Member must have value less than or equal to 1000")},
		step{"ListImages", `{"repositoryName":"app","maxResults":0}`, invalid("maxResults", "Member must have value greater than or equal to 1")},
	)
}

func TestDescribeImages(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a", "b")
	f.push("app", "v2")
	f.name("index", map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{
		map[string]any{"mediaType": imageType, "digest": f.names["v2"], "size": 1},
	}})
	f.ok("PutImage", `{"repositoryName":"app","imageManifest":<index.text>,"imageTag":"all"}`, nil)
	signature := manifest("layer of v1")
	signature["artifactType"] = "application/vnd.example.signature"
	signature["subject"] = map[string]any{"mediaType": imageType, "digest": f.names["v1"], "size": 1}
	f.name("signature", signature)
	f.ok("PutImage", `{"repositoryName":"app","imageManifest":<signature.text>}`, nil)

	detail := func(id, mediaType, more string) string {
		return `{"registryId":"123456789012","repositoryName":"app","imageDigest":"<` + id + `>","imageSizeInBytes":13,"imagePushedAt":1795316400.000,
			"imageManifestMediaType":"` + mediaType + `","imageStatus":"ACTIVE"` + more + `}`
	}
	const config = `,"artifactMediaType":"` + configType + `"`
	details := map[string]string{
		"v1":        detail("v1", imageType, `,"imageTags":["a","b"]`+config),
		"v2":        detail("v2", imageType, config),
		"index":     detail("index", indexType, `,"imageTags":["all"]`),
		"signature": detail("signature", imageType, `,"artifactMediaType":"application/vnd.example.signature","subjectManifestDigest":"<v1>"`),
	}
	of := func(ids ...string) string {
		slices.SortFunc(ids, func(a, b string) int { return strings.Compare(f.names[a], f.names[b]) })
		var all []string
		for _, id := range ids {
			all = append(all, details[id])
		}
		return `{"imageDetails":[` + strings.Join(all, ",") + `]}`
	}
	notFound := func(id string) string {
		return refused("ImageNotFoundException", "The image with imageId {"+id+"} does not exist within the repository with name 'app' in the registry with id '123456789012'")
	}
	f.run(
		step{"DescribeImages", `{"repositoryName":"app"}`, of("v1", "v2", "index", "signature")},
		step{"DescribeImages", `{"repositoryName":"app","filter":{"tagStatus":"TAGGED","imageStatus":"ANY"}}`, of("v1", "index")},
		step{"DescribeImages", `{"repositoryName":"app","filter":{"tagStatus":"UNTAGGED"}}`, of("v2", "signature")},
		step{"DescribeImages", `{"repositoryName":"app","filter":{"imageStatus":"ARCHIVED"}}`, `{"imageDetails":[]}`},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageTag":"a"},{"imageDigest":"<v1>"},{"imageTag":"b"}]}`, of("v1")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageTag":"a"},{"imageTag":"x"}]}`, notFound("imageDigest:'null', imageTag:'x'")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageDigest":"` + unknown + `"}]}`, notFound("imageDigest:'" + unknown + "', imageTag:'null'")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageDigest":"<v2>","imageTag":"a"}]}`, notFound("imageDigest:'<v2>', imageTag:'a'")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{}]}`, invalid("imageIds", "both tag and digest cannot be null")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageDigest":"x"}]}`, invalid("imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageTag":"a\u0000"}]}`, invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'")},
		step{"DescribeImages", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
		step{"DescribeImages", `{"repositoryName":"none","filter":{"imageStatus":"ARCHIVED"}}`, refused("RepositoryNotFoundException", noRepository)},
	)
}
