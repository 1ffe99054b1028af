package ecr_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/ecr"
)

func TestResponsesOnTheWire(t *testing.T) {
	created := ecr.Timestamp{Time: time.UnixMilli(1563223656123)}
	tests := []struct {
		name     string
		response any
		want     string
	}{
		{"repository", &ecr.CreateRepositoryResponse{Repository: &ecr.Repository{
			RepositoryArn: "arn:aws:ecr:us-east-1:123456789012:repository/team/app", RegistryId: "123456789012",
			RepositoryName: "team/app", RepositoryUri: "localhost:5050/team/app", CreatedAt: created,
			ImageTagMutability:         ecr.ImageTagMutabilityMutable,
			ImageScanningConfiguration: &ecr.ImageScanningConfiguration{ScanOnPush: new(false)},
			EncryptionConfiguration:    &ecr.EncryptionConfiguration{EncryptionType: ecr.EncryptionTypeAes256},
		}}, `{"repository":{"createdAt":1563223656.123,"encryptionConfiguration":{"encryptionType":"AES256"},` +
			`"imageScanningConfiguration":{"scanOnPush":false},"imageTagMutability":"MUTABLE","registryId":"123456789012",` +
			`"repositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/team/app","repositoryName":"team/app",` +
			`"repositoryUri":"localhost:5050/team/app"}}`},
		{"absent list", &ecr.DescribeRepositoriesResponse{}, `{}`},
		{"empty list", &ecr.DescribeRepositoriesResponse{Repositories: []ecr.Repository{}}, `{"repositories":[]}`},
		{"empty lists", &ecr.BatchGetImageResponse{Images: []ecr.Image{}, Failures: []ecr.ImageFailure{}}, `{"failures":[],"images":[]}`},
		{"zero that counts", &ecr.UploadLayerPartResponse{LastByteReceived: new(int64(0))}, `{"lastByteReceived":0}`},
		{"untagged image", &ecr.ImageDetail{ImageDigest: "sha256:00", ImageSizeInBytes: new(int64(7))}, `{"imageDigest":"sha256:00","imageSizeInBytes":7}`},
		{"resource tag with an empty value", &ecr.Tag{Key: new("k"), Value: new("")}, `{"Key":"k","Value":""}`},
		{"map", &ecr.ImageScanFindings{FindingSeverityCounts: map[string]int32{ecr.FindingSeverityHigh: 2}}, `{"findingSeverityCounts":{"HIGH":2}}`},
		{"nothing", &ecr.TagResourceResponse{}, `{}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := json.Marshal(test.response)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Error("(-want +got)", diff)
			}
		})
	}
}

func TestRequestsFromTheWire(t *testing.T) {
	tests := []struct {
		operation, body string
		want            ecr.Request
	}{
		{
			"UploadLayerPart", `{"repositoryName":"app","partFirstByte":0,"layerPartBlob":"aGk="}`,
			&ecr.UploadLayerPartRequest{RepositoryName: "app", PartFirstByte: new(int64(0)), LayerPartBlob: []byte("hi")},
		},
		{
			"DescribeImages", `{"repositoryName":"app","imageIds":[],"nextToken":null,"filter":{"tagStatus":"ANY"}}`,
			&ecr.DescribeImagesRequest{RepositoryName: "app", ImageIds: []ecr.ImageIdentifier{}, Filter: &ecr.DescribeImagesFilter{TagStatus: new("ANY")}},
		},
		{
			"CreateRepository", `{"repositoryName":"app","tags":[{"Key":"k","Value":"v"}]}`,
			&ecr.CreateRepositoryRequest{RepositoryName: "app", Tags: []ecr.Tag{{Key: new("k"), Value: new("v")}}},
		},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, request(t, test.operation, test.body)); diff != "" {
			t.Errorf("%s (-want +got) %s", test.operation, diff)
		}
	}
}

func TestTimestampIsPrintedInMilliseconds(t *testing.T) {
	tests := []struct {
		time time.Time
		want string
	}{
		{time.Unix(0, 0), "0.000"},
		{time.UnixMilli(1563223656001), "1563223656.001"},
		{time.Unix(1563223656, 999999999), "1563223656.999"},
		{time.UnixMilli(-1500), "-1.500"},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "253402300799.000"},
	}
	for _, test := range tests {
		got, err := json.Marshal(ecr.Timestamp{Time: test.time})
		if err != nil || string(got) != test.want {
			t.Errorf("%v: got %s, %v, want %s", test.time, got, err, test.want)
		}
	}
}

func TestTimestampIsRead(t *testing.T) {
	tests := []struct {
		text string
		want int64 // milliseconds; -1 for an error
	}{
		{"1563223656", 1563223656000},
		{"1563223656.123", 1563223656123},
		{"1.563223656E9", 1563223656000},
		{"null", 0},
		{`"2019-07-15T20:47:36Z"`, -1},
		{`"1563223656"`, -1},
		{"1e300", -1},
		{"-1e300", -1},
		{"true", -1},
		{"{}", -1},
	}
	for _, test := range tests {
		got := ecr.Timestamp{Time: time.UnixMilli(0)}
		err := json.Unmarshal([]byte(test.text), &got)
		if test.want < 0 && err == nil || test.want >= 0 && (err != nil || got.UnixMilli() != test.want) {
			t.Errorf("%s: got %v, %v, want %d", test.text, got, err, test.want)
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{"0", "1563223656.123", "-1e9", "1e-400", "NaN", "0x1p3", "null", `"1"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var first, second ecr.Timestamp
		if json.Unmarshal([]byte(text), &first) != nil {
			return
		}
		printed, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(printed, &second); err != nil || !first.Equal(second.Time) {
			t.Errorf("%s: %v became %v, %v", text, first, second, err)
		}
	})
}
