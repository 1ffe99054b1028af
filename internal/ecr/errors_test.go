package ecr_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/ecr"
)

func TestErrorsKnowTheirStatus(t *testing.T) {
	tests := []struct {
		code   string
		status int
		known  bool
	}{
		{"RepositoryNotFoundException", 400, true},
		{"ServerException", 500, true},
		{"AccessDeniedException", 0, false},
	}
	for _, test := range tests {
		if status, known := ecr.ErrorStatus(test.code); status != test.status || known != test.known {
			t.Errorf("%s: got %d, %v", test.code, status, known)
		}
	}
	if got := ecr.NewError("AccessDeniedException", "no").Status; got != 400 {
		t.Errorf("a code that the model does not have gets %d, want 400", got)
	}
	if got := ecr.NewError("ServerException", "no").Status; got != 500 {
		t.Errorf("ServerException gets %d, want 500", got)
	}
}

func TestConstructorsSetExtraMembers(t *testing.T) {
	tests := []struct{ got, want *ecr.Error }{
		{ecr.ImageNotFoundException("gone"), &ecr.Error{Code: "ImageNotFoundException", Message: "gone", Status: 400}},
		{ecr.KmsException("no key", "DisabledException"), &ecr.Error{
			Code: "KmsException", Message: "no key", Status: 400, Members: map[string]any{"kmsError": "DisabledException"},
		}},
		{ecr.InvalidLayerPartException("bad", 41, "123456789012", "app", "id"), &ecr.Error{
			Code: "InvalidLayerPartException", Message: "bad", Status: 400, Members: map[string]any{
				"lastValidByteReceived": int64(41), "registryId": "123456789012", "repositoryName": "app", "uploadId": "id",
			},
		}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Error("(-want +got)", diff)
		}
	}
}
