package ecrapi_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pages walks a listing to its end and returns one member of the items of each
// page. Between two pages it calls between, if that is not nil.
func (f *fixture) pages(operation, request, list, member string, between func(page int)) (pages [][]string) {
	f.tb.Helper()
	token := ""
	for page := 0; ; page++ {
		if page > 100 {
			f.tb.Fatalf("%s does not end", operation)
		}
		var response map[string]any
		f.ok(operation, `{`+request+token+`}`, &response)
		var items []string
		for _, item := range response[list].([]any) {
			text, _ := item.(map[string]any)[member].(string)
			items = append(items, text)
		}
		pages = append(pages, items)
		next, more := response["nextToken"]
		if !more {
			return pages
		}
		token = `,"nextToken":"` + next.(string) + `"`
		if between != nil {
			between(page)
		}
	}
}

func TestPagesOfRepositories(t *testing.T) {
	f := newFixture(t)
	f.create("a1", "a2", "a3", "a4", "a5", "a6")
	walk := func(size string, between func(int)) [][]string {
		return f.pages("DescribeRepositories", `"maxResults":`+size, "repositories", "repositoryName", between)
	}
	if diff := cmp.Diff([][]string{{"a1", "a2", "a3", "a4"}, {"a5", "a6"}}, walk("4", nil)); diff != "" {
		t.Errorf("pages of 4 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"a1", "a2", "a3", "a4", "a5", "a6"}}, walk("6", nil)); diff != "" {
		t.Errorf("one page that is full (-want +got):\n%s", diff)
	}
	// What comes and goes around the position neither repeats nor hides the rest.
	got := walk("2", func(page int) {
		if page == 0 {
			f.ok("DeleteRepository", `{"repositoryName":"a2"}`, nil)
			f.ok("DeleteRepository", `{"repositoryName":"a3"}`, nil)
			f.create("a0", "a45")
		}
	})
	if diff := cmp.Diff([][]string{{"a1", "a2"}, {"a4", "a45"}, {"a5", "a6"}}, got); diff != "" {
		t.Errorf("pages under change (-want +got):\n%s", diff)
	}
}

func TestPagesOfImages(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a", "b", "c")
	f.push("app", "v2")
	f.push("app", "v3")
	untagged := []string{f.names["v2"], f.names["v3"]}
	slices.Sort(untagged)
	digests := append([]string{f.names["v1"]}, untagged...)
	slices.Sort(digests)
	for operation, c := range map[string]struct{ list, member string }{
		"ListImages":     {"imageIds", "imageDigest"},
		"DescribeImages": {"imageDetails", "imageDigest"},
	} {
		got := slices.Concat(f.pages(operation, `"repositoryName":"app","maxResults":2,"filter":{"tagStatus":"UNTAGGED"}`, c.list, c.member, nil)...)
		if diff := cmp.Diff(untagged, got); diff != "" {
			t.Errorf("%s of untagged images (-want +got):\n%s", operation, diff)
		}
	}
	got := f.pages("ListImages", `"repositoryName":"app","maxResults":2`, "imageIds", "imageTag", nil)
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", ""}, {""}}, got); diff != "" {
		t.Errorf("ListImages (-want +got):\n%s", diff)
	}
	got = f.pages("DescribeImages", `"repositoryName":"app","maxResults":1`, "imageDetails", "imageDigest", nil)
	if diff := cmp.Diff([][]string{{digests[0]}, {digests[1]}, {digests[2]}}, got); diff != "" {
		t.Errorf("DescribeImages (-want +got):\n%s", diff)
	}
	// A tag that was read is deleted and one further on is set: c is still due.
	got = f.pages("ListImages", `"repositoryName":"app","maxResults":2,"filter":{"tagStatus":"TAGGED"}`, "imageIds", "imageTag", func(int) {
		f.ok("BatchDeleteImage", `{"repositoryName":"app","imageIds":[{"imageTag":"b"}]}`, nil)
		f.ok("PutImage", `{"repositoryName":"app","imageManifest":<v1.text>,"imageTag":"bb"}`, nil)
	})
	if diff := cmp.Diff([][]string{{"a", "b"}, {"bb", "c"}}, got); diff != "" {
		t.Errorf("ListImages under change (-want +got):\n%s", diff)
	}
}

func TestPagesOfReferrers(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	var want []string
	for id := range strings.SplitSeq("abcdefghijklmnopqrstu", "") {
		document := manifest("layer of v1")
		document["subject"] = map[string]any{"mediaType": imageType, "digest": f.names["v1"], "size": 1}
		document["annotations"] = map[string]string{"id": id}
		f.name(id, document)
		f.ok("PutImage", `{"repositoryName":"app","imageManifest":<`+id+`.text>}`, nil)
		want = append(want, f.names[id])
	}
	slices.Sort(want)
	got := f.pages("ListImageReferrers", `"repositoryName":"app","subjectId":{"imageDigest":"<v1>"}`, "referrers", "digest", nil)
	if diff := cmp.Diff([][]string{want[:20], want[20:]}, got); diff != "" {
		t.Errorf("the default page has 20 (-want +got):\n%s", diff)
	}
	got = f.pages("ListImageReferrers", `"repositoryName":"app","subjectId":{"imageDigest":"<v1>"},"maxResults":50`, "referrers", "digest", nil)
	if diff := cmp.Diff([][]string{want}, got); diff != "" {
		t.Errorf("a page of 50 (-want +got):\n%s", diff)
	}
}

func TestATokenIsGoodForItsOwnListingOnly(t *testing.T) {
	f := newFixture(t)
	f.create("app", "two")
	f.push("app", "v1", "a", "b")
	f.push("app", "v2", "c")
	token := func(operation, request string) string {
		var page struct{ NextToken string }
		f.ok(operation, request, &page)
		if page.NextToken == "" {
			t.Fatalf("%s %s has no second page", operation, request)
		}
		return page.NextToken
	}
	f.names["token"] = token("ListImages", `{"repositoryName":"app","maxResults":1}`)
	f.names["described"] = token("DescribeImages", `{"repositoryName":"app","maxResults":1}`)
	f.names["repositories"] = token("DescribeRepositories", `{"maxResults":1}`)
	raw, err := base64.RawURLEncoding.DecodeString(f.names["token"])
	if err != nil {
		t.Fatal(err)
	}
	tampered := slices.Clone(raw)
	tampered[len(tampered)-1]++
	f.names["tampered"] = base64.RawURLEncoding.EncodeToString(tampered)
	f.names["cut"] = base64.RawURLEncoding.EncodeToString(raw[:6])

	foreign := invalid("nextToken", "must be the nextToken of the previous page of the same request")
	f.run(
		step{"ListImages", `{"repositoryName":"app","nextToken":"<token>"}`, `{"imageIds":[{"imageDigest":"<v1>","imageTag":"b"},{"imageDigest":"<v2>","imageTag":"c"}]}`},
		step{"ListImages", `{"repositoryName":"app","nextToken":"<tampered>"}`, foreign},
		step{"ListImages", `{"repositoryName":"app","nextToken":"<cut>"}`, foreign},
		step{"ListImages", `{"repositoryName":"app","nextToken":""}`, foreign},
		step{"ListImages", `{"repositoryName":"app","nextToken":"no base64!"}`, foreign},
		step{"ListImages", `{"repositoryName":"two","nextToken":"<token>"}`, foreign},
		step{"ListImages", `{"repositoryName":"app","nextToken":"<token>","filter":{"tagStatus":"TAGGED"}}`, foreign},
		step{"ListImages", `{"repositoryName":"app","nextToken":"<described>"}`, foreign},
		step{"DescribeImages", `{"repositoryName":"app","nextToken":"<token>"}`, foreign},
		step{"DescribeImages", `{"repositoryName":"app","nextToken":"<described>","filter":{"imageStatus":"ARCHIVED"}}`, foreign},
		step{"DescribeRepositories", `{"nextToken":"<token>"}`, foreign},
		step{"DescribeRepositories", `{"nextToken":"<repositories>","registryId":"210987654321"}`, foreign},
		step{"ListImageReferrers", `{"repositoryName":"app","subjectId":{"imageDigest":"<v1>"},"nextToken":"<token>"}`, foreign},
	)
}

func TestListsOfNamesHaveNoPages(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	f.run(
		step{"DescribeRepositories", `{"repositoryNames":["app"],"maxResults":1}`, invalid("maxResults", "must not be given together with repositoryNames")},
		step{"DescribeRepositories", `{"repositoryNames":["app"],"nextToken":"x"}`, invalid("nextToken", "must not be given together with repositoryNames")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}],"maxResults":1}`, invalid("maxResults", "must not be given together with imageIds")},
		step{"DescribeImages", `{"repositoryName":"app","imageIds":[{"imageTag":"a"}],"nextToken":"x"}`, invalid("nextToken", "must not be given together with imageIds")},
	)
}

func FuzzNextToken(f *testing.F) {
	api := newFixture(f)
	api.create("app", "two")
	var page struct{ NextToken string }
	api.ok("DescribeRepositories", `{"maxResults":1}`, &page)
	for _, seed := range []string{"", "AAAAAAAAAAAA", page.NextToken, page.NextToken + "A", "\x00", "====", strings.Repeat("A", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		status, body := api.in(t).call("DescribeRepositories", object("nextToken", token))
		if status == http.StatusOK && token != page.NextToken {
			t.Errorf("the token %q is good: %s", token, body)
		}
		if status != http.StatusOK && status != http.StatusBadRequest {
			t.Errorf("the token %q gives %d: %s", token, status, body)
		}
	})
}

func FuzzResourceARN(f *testing.F) {
	api := newFixture(f)
	api.create("app")
	const known = "arn:aws:ecr:us-east-1:123456789012:repository/app"
	for _, seed := range []string{known, known + "/", "arn:aws:ecr:us-east-1:123456789012:repository/none", "arn:aws:ecr::::", ":::::", "", "arn:aws:ecr:us-east-1:123456789012:repository/\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		status, body := api.in(t).call("ListTagsForResource", object("resourceArn", arn))
		if (status == http.StatusOK) != (arn == known) || status > http.StatusBadRequest {
			t.Errorf("%q gives %d: %s", arn, status, body)
		}
	})
}
