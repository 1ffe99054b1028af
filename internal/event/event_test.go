package event_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/event"
)

const hash = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestImageActionIsWhatEventBridgeDelivers(t *testing.T) {
	at := time.Date(2019, 11, 16, 2, 54, 34, 987654321, time.FixedZone("CET", 3600))
	tests := map[string]struct {
		detail    event.ImageAction
		resources []string
		want      string
	}{
		"push": {
			event.ImageAction{Result: event.Success, Repository: "team/app", Digest: hash, Action: event.Push, Tag: "latest"},
			nil,
			`{"version":"0","id":"13cde686-328b-6117-af20-0e5566167482","detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012","time":"2019-11-16T01:54:34Z","region":"us-west-2","resources":[],` +
				`"detail":{"result":"SUCCESS","repository-name":"team/app","image-digest":"` + hash + `","action-type":"PUSH","image-tag":"latest"}}`,
		},
		"deletion of an untagged artifact": {
			event.ImageAction{Result: event.Failure, Repository: "app", Digest: hash, Action: event.Delete, ManifestMediaType: "a/b", ArtifactMediaType: "c/d"},
			[]string{"arn"},
			`{"version":"0","id":"13cde686-328b-6117-af20-0e5566167482","detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012","time":"2019-11-16T01:54:34Z","region":"us-west-2","resources":["arn"],` +
				`"detail":{"result":"FAILURE","repository-name":"app","image-digest":"` + hash + `","action-type":"DELETE","manifest-media-type":"a/b","artifact-media-type":"c/d"}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			envelope, err := event.New("13cde686-328b-6117-af20-0e5566167482", at, "123456789012", "us-west-2", tt.detail, tt.resources...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(envelope)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			var back event.Envelope
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(envelope, back); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type broken struct{}

func (broken) DetailType() string           { return "Broken" }
func (broken) MarshalJSON() ([]byte, error) { return nil, errBroken }

var errBroken = errors.New("broken")

func TestNewReportsADetailThatCannotBeEncoded(t *testing.T) {
	if _, err := event.New("", time.Time{}, "", "", broken{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
