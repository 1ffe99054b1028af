package ecr_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/ecr"
)

func TestTableHasEveryOperation(t *testing.T) {
	var want []string
	for method := range reflect.TypeFor[ecr.Service]().Methods() {
		want = append(want, method.Name)
	}
	got := slices.Sorted(maps.Keys(ecr.Operations(ecr.Unimplemented{})))
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 62 {
		t.Errorf("%d operations (-want +got) %s", len(got), diff)
	}
}

// front implements two operations, one of them badly.
type front struct{ ecr.Unimplemented }

func (*front) DescribeRegistry(context.Context, *ecr.DescribeRegistryRequest) (*ecr.DescribeRegistryResponse, error) {
	return &ecr.DescribeRegistryResponse{RegistryId: "123456789012"}, nil
}

func (*front) ListImages(_ context.Context, in *ecr.ListImagesRequest) (*ecr.ListImagesResponse, error) {
	return &ecr.ListImagesResponse{NextToken: *in.NextToken}, nil
}

func TestNotImplementedOperationsAreKnown(t *testing.T) {
	if got := ecr.NotImplemented(ecr.Unimplemented{}); len(got) != 62 {
		t.Errorf("%d operations of Unimplemented, want 62: %v", len(got), got)
	}
	got := ecr.NotImplemented(&front{})
	if len(got) != 60 || slices.Contains(got, "DescribeRegistry") || slices.Contains(got, "ListImages") {
		t.Errorf("%d operations, want all but two: %v", len(got), got)
	}
}

func TestUnimplementedSaysSo(t *testing.T) {
	for name, operation := range ecr.Operations(ecr.Unimplemented{}) {
		_, call := operation()
		_, err := call(t.Context())
		want := &ecr.Error{
			Code:    "NotImplementedException",
			Message: "The operation " + name + " is not implemented yet by this registry.",
			Status:  http.StatusBadRequest,
		}
		var got *ecr.Error
		if !errors.As(err, &got) || !cmp.Equal(want, got) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCallsReachTheService(t *testing.T) {
	in, call := ecr.Operations(&front{})["ListImages"]()
	if err := json.Unmarshal([]byte(`{"nextToken":"next"}`), in); err != nil {
		t.Fatal(err)
	}
	got, err := call(t.Context())
	if diff := cmp.Diff(&ecr.ListImagesResponse{NextToken: "next"}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
