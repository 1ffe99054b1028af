package ecrapi_test

import (
	"strings"
	"testing"
)

func TestListImageReferrers(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	var rows []string
	for _, kind := range []string{"signature", "sbom"} {
		document := manifest("layer of v1")
		document["artifactType"] = "application/vnd.example." + kind
		document["subject"] = map[string]any{"mediaType": imageType, "digest": f.names["v1"], "size": 1}
		annotations := ""
		if kind == "sbom" {
			document["annotations"] = map[string]string{"k": "v"}
			annotations = `,"annotations":{"k":"v"}`
		}
		f.name(kind, document)
		f.ok("PutImage", `{"repositoryName":"app","imageManifest":<`+kind+`.text>}`, nil)
		rows = append(rows, `{"digest":"<`+kind+`>","mediaType":"`+imageType+`","artifactType":"application/vnd.example.`+kind+`","artifactStatus":"ACTIVE","size":`+
			encode(t, len(encode(t, document)))+annotations+`}`)
	}
	all := rows[0] + "," + rows[1]
	if f.names["sbom"] < f.names["signature"] {
		all = rows[1] + "," + rows[0]
	}
	const request = `{"repositoryName":"app","subjectId":{"imageDigest":"<v1>"}`
	f.run(
		step{"ListImageReferrers", request + `}`, `{"referrers":[` + all + `]}`},
		step{"ListImageReferrers", request + `,"filter":{"artifactStatus":"ANY","artifactTypes":["application/vnd.example.sbom","none"]}}`, `{"referrers":[` + rows[1] + `]}`},
		step{"ListImageReferrers", request + `,"filter":{"artifactTypes":["none"]}}`, `{"referrers":[]}`},
		step{"ListImageReferrers", request + `,"filter":{"artifactStatus":"ARCHIVED"}}`, `{"referrers":[]}`},
		step{"ListImageReferrers", `{"repositoryName":"app","subjectId":{"imageDigest":"` + unknown + `"}}`, `{"referrers":[]}`},
		step{"ListImageReferrers", `{"repositoryName":"app","subjectId":{"imageDigest":"x"}}`, invalid("subjectId.imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")},
		step{"ListImageReferrers", `{"repositoryName":"app","subjectId":{}}`, invalid("subjectId.imageDigest", "Member must not be null")},
		step{"ListImageReferrers", request + `,"filter":{"artifactTypes":["\u0000"]}}`, invalid("filter.artifactTypes", "Member must satisfy constraint: [Member must not have control characters]")},
		step{"ListImageReferrers", request + `,"maxResults":51}`, invalid("maxResults", "Member must have value less than or equal to 50")},
		step{"ListImageReferrers", strings.Replace(request, "app", "none", 1) + `}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestAPageOfReferrersEndsWhereAnnotationsGrowTooLarge(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.push("app", "v1", "a")
	for _, letter := range []string{"a", "b", "c"} {
		document := manifest("layer of v1")
		document["subject"] = map[string]any{"mediaType": imageType, "digest": f.names["v1"], "size": 1}
		document["annotations"] = map[string]string{"text": strings.Repeat(letter, 3<<20)}
		f.name(letter, document)
		f.ok("PutImage", `{"repositoryName":"app","imageManifest":<`+letter+`.text>}`, nil)
	}
	got := f.pages("ListImageReferrers", `"repositoryName":"app","subjectId":{"imageDigest":"<v1>"}`, "referrers", "digest", nil)
	if len(got) != 3 {
		t.Fatalf("%d pages, want 3", len(got))
	}
	for _, page := range got {
		if len(page) != 1 {
			t.Errorf("a page has %d referrers, want 1", len(page))
		}
	}
}
