package server

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/nifuda"
)

// digestOf returns the digest that a tag of the repository app points at.
func (f *fixture) digestOf(tag string) string {
	f.tb.Helper()
	return f.send(f.v2("HEAD", "/v2/app/manifests/"+tag, nil), http.StatusOK).Header().Get("Docker-Content-Digest")
}

func TestAnImageIsShownToWhoMayPullIt(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.pushImage()
		digest := f.digestOf("latest")
		var out nifuda.DescribeImageContentResponse
		f.ask(f.own("DescribeImageContent", map[string]any{"RepositoryName": "app", "ImageDigest": digest}), http.StatusOK, &out)
		if out.Configuration == "" || out.ConfigurationMediaType == "" || out.UniqueBytes == 0 || out.RegistryId != f.account {
			t.Errorf("%+v", out)
		}
		const pull = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"*","Condition":{"StringLikeIfExists":{"nifuda:ImageTag":"latest"}}}}`
		const manifests = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecr:BatchGetImage","nifuda:*"],"Resource":"*"}}`
		const blobs = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecr:GetDownloadUrlForLayer","nifuda:*"],"Resource":"*"}}`
		for name, c := range map[string]struct {
			policy string
			want   int
		}{"puller": {pull, http.StatusOK}, "half": {manifests, http.StatusBadRequest}, "other half": {blobs, http.StatusBadRequest}} {
			w := f.call(f.user(name[:4], c.policy), "nifuda", "Nifuda_20261122.DescribeImageContent", map[string]any{"RepositoryName": "app", "ImageDigest": digest})
			if w.Code != c.want {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	})
}

func TestADeletionIsPreviewedForWhoMayCarryItOut(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.pushImage()
		digest := f.digestOf("latest")
		in := map[string]any{"RepositoryName": "app", "ImageIds": []any{
			map[string]any{"ImageTag": "latest"}, map[string]any{"ImageTag": "none"}, map[string]any{},
		}}
		var out nifuda.PreviewImageDeletionResponse
		f.ask(f.own("PreviewImageDeletion", in), http.StatusOK, &out)
		want := nifuda.PreviewImageDeletionResponse{
			RegistryId: f.account, RepositoryName: "app", Images: []nifuda.PreviewedDeletion{{ImageDigest: digest, ImageTags: []string{"latest"}, ImageDeleted: true}},
			Failures: []nifuda.PreviewedFailure{
				{ImageId: &nifuda.DeletionImageId{}, FailureCode: "MissingDigestAndTag", FailureReason: "Invalid request parameters: both tag and digest cannot be null"},
				{ImageId: &nifuda.DeletionImageId{ImageTag: new("none")}, FailureCode: "ImageNotFound", FailureReason: "Requested image not found"},
			},
			FreedBytes: out.FreedBytes, UndeleteWindowSeconds: out.UndeleteWindowSeconds,
		}
		if diff := cmp.Diff(want, out); diff != "" || out.FreedBytes == 0 || out.UndeleteWindowSeconds == 0 {
			t.Errorf("%d bytes, %d s: %s", out.FreedBytes, out.UndeleteWindowSeconds, diff)
		}
		f.digestOf("latest") // is still there

		// Of an image all tags must be those that may be deleted.
		f.send(f.v2("PUT", "/v2/app/manifests/v2", f.send(f.v2("GET", "/v2/app/manifests/latest", nil), http.StatusOK).Body.Bytes()), http.StatusCreated)
		const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:BatchDeleteImage","Resource":"*","Condition":{"StringEquals":{"nifuda:ImageTag":"latest"}}}}`
		deleter := f.user("deleter", policy)
		for id, c := range map[string]struct {
			in   map[string]any
			want int
		}{
			"its tag":     {map[string]any{"ImageTag": "latest"}, http.StatusOK},
			"another tag": {map[string]any{"ImageTag": "v2"}, http.StatusBadRequest},
			"all tags":    {map[string]any{"ImageDigest": digest}, http.StatusBadRequest},
		} {
			w := f.call(deleter, "nifuda", "Nifuda_20261122.PreviewImageDeletion", map[string]any{"RepositoryName": "app", "ImageIds": []any{c.in}})
			if w.Code != c.want {
				t.Errorf("%s: %d %s", id, w.Code, w.Body)
			}
		}
	})
}

func TestEventsAreListedForWhoMaySeeThem(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.pushImage()
		f.send(f.api("CreateRepository", map[string]any{"repositoryName": "other"}), http.StatusOK)
		var out nifuda.ListEventsResponse
		f.ask(f.own("ListEvents", map[string]any{}), http.StatusOK, &out)
		var names []string
		for _, e := range out.Events {
			names = append(names, e.EventName+" "+e.RepositoryName)
			if e.PrincipalArn != "arn:aws:iam::"+f.account+":root" || e.EventTime.IsZero() || e.EventId == "" || e.Detail == "" {
				t.Errorf("%+v", e)
			}
		}
		if diff := cmp.Diff([]string{"RepositoryCreated other", "ImagePushed app", "RepositoryCreated app"}, names); diff != "" || out.NextToken != "" {
			t.Error(diff, out.NextToken)
		}
		digest := f.digestOf("latest")
		out = nifuda.ListEventsResponse{}
		f.ask(f.own("ListEvents", map[string]any{"RepositoryName": "app", "MaxResults": 1}), http.StatusOK, &out)
		if len(out.Events) != 1 || out.Events[0].ImageDigest != digest || out.Events[0].ImageTag != "latest" || out.NextToken == "" {
			t.Errorf("%+v", out)
		}
		token := out.NextToken
		out = nifuda.ListEventsResponse{}
		f.ask(f.own("ListEvents", map[string]any{"RepositoryName": "app", "MaxResults": 1, "NextToken": token}), http.StatusOK, &out)
		if len(out.Events) != 1 || out.Events[0].EventName != "RepositoryCreated" || out.NextToken != "" {
			t.Errorf("%+v", out)
		}
		f.send(f.own("ListEvents", map[string]any{"NextToken": "c2VxdWVuY2UAMQ"}), http.StatusBadRequest)

		const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"nifuda:ListEvents","Resource":"arn:aws:ecr:*:*:repository/app"}}`
		watcher := f.user("watcher", policy)
		for name, want := range map[string]int{"app": http.StatusOK, "other": http.StatusBadRequest, "none": http.StatusBadRequest, "": http.StatusBadRequest} {
			in := map[string]any{}
			if name != "" {
				in["RepositoryName"] = name
			}
			if w := f.call(watcher, "nifuda", "Nifuda_20261122.ListEvents", in); w.Code != want {
				t.Errorf("%q: %d %s", name, w.Code, w.Body)
			}
		}
	})
}

func TestAuditRecordsAreListedForTheHomeAccount(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db")
	f.pushImage()
	asker := f.user("asker", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`)
	if w := f.as(asker, "DescribeRepositories", map[string]any{"repositoryNames": []string{"none"}}); w.Code != http.StatusBadRequest {
		t.Fatal(w.Body)
	}
	var out nifuda.ListAuditRecordsResponse
	deadline := time.Now().Add(time.Minute) // records are written together, a moment later
	for len(out.Records) == 0 && time.Now().Before(deadline) {
		f.ask(f.own("ListAuditRecords", map[string]any{"Query": "repositorynotfound", "PrincipalArn": "arn:aws:iam::" + f.account + ":user/asker"}), http.StatusOK, &out)
	}
	var record struct{ EventName string }
	if len(out.Records) != 1 || json.Unmarshal([]byte(out.Records[0]), &record) != nil || record.EventName != "DescribeRepositories" {
		t.Fatalf("%v", out.Records)
	}
	out = nifuda.ListAuditRecordsResponse{}
	f.ask(f.own("ListAuditRecords", map[string]any{"MaxResults": 1}), http.StatusOK, &out)
	if len(out.Records) != 1 || out.NextToken == "" {
		t.Fatalf("%+v", out)
	}
	f.send(f.own("ListAuditRecords", map[string]any{"MaxResults": 1, "NextToken": out.NextToken}), http.StatusOK)
	f.send(f.own("ListAuditRecords", map[string]any{"NextToken": "c2VxdWVuY2UAMQ"}), http.StatusBadRequest)
	_, key, err := f.identities.CreateAccount(t.Context(), otherAccount, "other")
	f.must(err)
	if w := f.call(signer{id: key.AccessKeyID, secret: key.Secret}, "nifuda", "Nifuda_20261122.ListAuditRecords", map[string]any{}); errorCode(w) != "AccessDeniedException" {
		t.Errorf("another account: %s", w.Body)
	}
}

func TestWithoutAnAuditFileNoRecordsAreListed(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", func(s *server) { s.trail = nil })
	if w := f.call(f.rootSigner(), "nifuda", "Nifuda_20261122.ListAuditRecords", map[string]any{}); errorCode(w) != "NotImplementedException" {
		t.Errorf("%s", w.Body)
	}
}

func TestStatisticsAndStorageAreShownToWhoMaySeeAllRepositories(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.pushImage()
		var s nifuda.DescribeRegistryStatisticsResponse
		f.ask(f.own("DescribeRegistryStatistics", map[string]any{}), http.StatusOK, &s)
		if s.Repositories != 1 || s.Images != 1 || s.LogicalBytes == 0 || s.StoredBytes != s.LogicalBytes || s.MeasuredAt.IsZero() || len(s.NeverPulled) != 1 || s.Days == nil || s.MostPulled == nil {
			t.Errorf("%+v", s)
		}
		var of nifuda.DescribeStorageResponse
		f.ask(f.own("DescribeStorage", map[string]any{}), http.StatusOK, &of)
		if len(of.Items) != 1 || of.Items[0].RepositoryName != "app" || *of.Items[0].Images != 1 || of.Items[0].Bytes != of.Items[0].UniqueBytes || !*of.Items[0].Measured || of.OtherBytes != 0 {
			t.Errorf("%+v", of)
		}
		of = nifuda.DescribeStorageResponse{}
		f.ask(f.own("DescribeStorage", map[string]any{"RepositoryName": "app"}), http.StatusOK, &of)
		if len(of.Items) != 1 || of.Items[0].ImageDigest != f.digestOf("latest") || of.Items[0].Images != nil || of.Items[0].UniqueBytes == 0 || of.RepositoryName != "app" {
			t.Errorf("%+v", of)
		}
		const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"nifuda:Describe*","Resource":"arn:aws:ecr:*:*:repository/app"}}`
		one := f.user("one", policy)
		for _, c := range []struct {
			operation, name string
			want            int
		}{
			{"DescribeStorage", "app", http.StatusOK},
			{"DescribeStorage", "other", http.StatusBadRequest},
			{"DescribeStorage", "", http.StatusBadRequest},
			{"DescribeRegistryStatistics", "", http.StatusBadRequest},
		} {
			in := map[string]any{}
			if c.name != "" {
				in["RepositoryName"] = c.name
			}
			if w := f.call(one, "nifuda", "Nifuda_20261122."+c.operation, in); w.Code != c.want {
				t.Errorf("%s %s: %d %s", c.operation, c.name, w.Code, w.Body)
			}
		}
	})
}
