package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/event"
)

func TestASummaryTellsApartWhatECRCallsAlike(t *testing.T) {
	tests := []struct {
		detail event.Detail
		want   event.Summary
	}{
		{event.ImageAction{Action: event.Push, Tag: "v1"}, event.Summary{Name: "ImagePushed", Tag: "v1"}},
		{event.ImageAction{Action: event.Push, Digest: hash, Previous: "sha256:b"}, event.Summary{Name: "ImagePushed", Digest: hash}},
		{event.ImageAction{Action: event.Push, Tag: "v1", TagOnly: true}, event.Summary{Name: "TagAdded", Tag: "v1"}},
		{event.ImageAction{Action: event.Push, Tag: "v1", TagOnly: true, Previous: "sha256:b"}, event.Summary{Name: "TagMoved", Tag: "v1"}},
		{event.ImageAction{Action: event.Push, Restored: true}, event.Summary{Name: "ImageRestored"}},
		{event.ImageAction{Action: event.Push, Tag: "v1", TagOnly: true, Restored: true, Previous: "sha256:b"}, event.Summary{Name: "TagRestored", Tag: "v1"}},
		{event.ImageAction{Action: event.Delete, Repository: "app", Tag: "v1"}, event.Summary{Name: "ImageDeleted", Repository: "app", Tag: "v1"}},
		{event.ImageAction{Action: event.Delete, Tag: "v1", TagOnly: true}, event.Summary{Name: "TagDeleted", Tag: "v1"}},
		{event.Change{Kind: event.RepositoryCreated, Repository: "app"}, event.Summary{Name: "RepositoryCreated", Repository: "app"}},
		{event.Change{Kind: event.AccountSettingChanged, Setting: "BLOB_MOUNTING"}, event.Summary{Name: "AccountSettingChanged"}},
	}
	for _, test := range tests {
		text, err := json.Marshal(test.detail)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, event.Summarize(test.detail.DetailType(), text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for _, text := range []string{`{"repository-name":7}`, ``, `[]`} {
		if got := event.Summarize("ECR Image Scan", []byte(text)); got.Name != "ECRImageScan" {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
