package remotekms

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
)

const arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]Address{
		arn: {arn, "eu-central-1", "https://kms.eu-central-1.amazonaws.com"},
		arn + "?endpoint=http%3A%2F%2Flocalhost%3A5050":                       {arn, "eu-central-1", "http://localhost:5050"},
		arn + "?endpoint=https://kms.example.com/":                            {arn, "eu-central-1", "https://kms.example.com/"},
		"arn:aws-cn:kms:cn-north-1:123456789012:alias/seal/nifuda":            {"arn:aws-cn:kms:cn-north-1:123456789012:alias/seal/nifuda", "cn-north-1", "https://kms.cn-north-1.amazonaws.com.cn"},
		"arn:aws:kms:eu-central-1:123456789012:alias/a?endpoint=http://[::1]": {"arn:aws:kms:eu-central-1:123456789012:alias/a", "eu-central-1", "http://[::1]"},
	} {
		got, err := ParseAddress(text)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "key", "alias/a", "arn:aws:ecr:eu-central-1:123456789012:repository/a", "arn:aws:kms:eu-central-1:1234:key/a",
		arn + "?endpoint=", arn + "?endpoint=localhost", arn + "?endpoint=file:///tmp", arn + "?region=eu-central-1",
		arn + "?endpoint=http://a&endpoint=http://b", arn + "?endpoint=http://user:secret@a", arn + "?endpoint=%zz",
	} {
		if _, err := ParseAddress(text); err == nil {
			t.Errorf("%q was taken", text)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows it: %v", text, err)
		}
	}
}

// serve returns a key at a service that answers so.
func serve(t *testing.T, answer http.HandlerFunc) *Key {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	k := newKey(Address{arn, "eu-central-1", server.URL}, credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "token"))
	k.pause = time.Microsecond
	return k
}

func TestCallsAreThoseOfTheAPI(t *testing.T) {
	var operations []string
	k := serve(t, func(w http.ResponseWriter, r *http.Request) {
		operations = append(operations, r.Header.Get("X-Amz-Target"))
		authorization := r.Header.Get("Authorization")
		if !strings.Contains(authorization, "AKIAEXAMPLE/") || !strings.Contains(authorization, "/eu-central-1/kms/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("signed as %q", authorization)
		}
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(map[string]any{"a": "b"}, in["EncryptionContext"]); diff != "" || in["KeyId"] != arn {
			t.Errorf("%v: %s", in["KeyId"], diff)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": arn, "Plaintext": make([]byte, 32), "CiphertextBlob": []byte("wrapped")})
	})
	plaintext, wrapped, err := k.GenerateDataKey(t.Context(), map[string]string{"a": "b"})
	if err != nil || len(plaintext) != 32 || string(wrapped) != "wrapped" {
		t.Errorf("got %x, %q, %v", plaintext, wrapped, err)
	}
	if plaintext, err = k.Decrypt(t.Context(), wrapped, map[string]string{"a": "b"}); err != nil || len(plaintext) != 32 {
		t.Errorf("got %x, %v", plaintext, err)
	}
	if diff := cmp.Diff([]string{"TrentService.GenerateDataKey", "TrentService.Decrypt"}, operations); diff != "" {
		t.Error(diff)
	}
}

func TestRefusalsAreTold(t *testing.T) {
	k := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.kms#DisabledException","message":"`+arn+` is disabled."}`)
	})
	_, err := k.Decrypt(t.Context(), []byte("wrapped"), nil)
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Code != "DisabledException" || refused.Message != arn+" is disabled." {
		t.Errorf("got %v", err)
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	for answer, wantCalls := range map[string]int32{
		`{"__type":"KMSInternalException","message":""}`: tries,
		`{"__type":"NotFoundException","message":""}`:    1,
		`<html>`: 1,
	} {
		var calls atomic.Int32
		k := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			status := http.StatusBadRequest
			if strings.Contains(answer, "Internal") {
				status = http.StatusInternalServerError
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
		})
		if _, err := k.Decrypt(t.Context(), nil, nil); err == nil {
			t.Errorf("%s was taken", answer)
		}
		if got := calls.Load(); got != wantCalls {
			t.Errorf("%s: %d calls, want %d", answer, got, wantCalls)
		}
	}
}

func TestServiceThatIsDownIsNamed(t *testing.T) {
	server := httptest.NewServer(nil)
	address := server.URL
	server.Close()
	k := newKey(Address{arn, "eu-central-1", address}, credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""))
	k.pause = time.Microsecond
	_, err := k.Decrypt(t.Context(), nil, nil)
	if err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}
