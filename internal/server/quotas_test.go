package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/config"
)

// limit sets a quota through the API.
func (f *fixture) limit(repository, name string, value int64) {
	f.tb.Helper()
	in := map[string]any{"Name": name, "Value": value}
	if repository != "" {
		in["RepositoryName"] = repository
	}
	f.send(f.own("PutQuota", in), http.StatusOK)
}

// A told is an error as either plane tells it.
type told struct{ code, message string }

func (f *fixture) toldByAPI(r *http.Request) told {
	f.tb.Helper()
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	f.ask(r, http.StatusBadRequest, &e)
	return told{e.Type, e.Message}
}

func (f *fixture) toldByV2(r *http.Request, status int) told {
	f.tb.Helper()
	var e struct {
		Errors []struct{ Code, Message string }
	}
	f.ask(r, status, &e)
	if len(e.Errors) != 1 {
		f.tb.Fatalf("%d errors", len(e.Errors))
	}
	return told{e.Errors[0].Code, e.Errors[0].Message}
}

const emptyConfig = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}

// manifestOf returns a manifest that differs from others of another name.
func manifestOf(name string) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},"layers":[],"annotations":{"name":"%s"}}`, emptyConfig, name)
}

func (f *fixture) putManifest(tag string) *http.Request {
	r := f.v2("PUT", "/v2/app/manifests/"+tag, manifestOf(tag))
	r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	return r
}

func newQuotaServer(t *testing.T) *fixture {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db")
	f.send(f.api("CreateRepository", map[string]any{"repositoryName": "app"}), http.StatusOK)
	f.send(f.v2("POST", "/v2/app/blobs/uploads/?digest="+emptyConfig, []byte("{}")), http.StatusCreated)
	return f
}

func TestQuotasAreToldInTheWordsOfBothPlanes(t *testing.T) {
	f := newQuotaServer(t)
	image := func(name string) map[string]any {
		return map[string]any{"repositoryName": "app", "imageManifest": string(manifestOf(name)), "imageTag": name}
	}

	t.Run("images of a repository", func(t *testing.T) {
		f.limit("", "images-per-repository", 1)
		f.send(f.putManifest("v1"), http.StatusCreated)
		const message = "The repository with name 'app' in registry with id '123456789012' already has the maximum allowed number of images which is '1'"
		if got := f.toldByAPI(f.api("PutImage", image("v2"))); got != (told{"LimitExceededException", message}) {
			t.Errorf("PutImage: %+v", got)
		}
		if got := f.toldByV2(f.putManifest("v2"), http.StatusForbidden); got != (told{"DENIED", message}) {
			t.Errorf("/v2/: %+v", got)
		}
		f.send(f.own("DeleteQuota", map[string]any{"Name": "images-per-repository"}), http.StatusOK)
		f.send(f.putManifest("v2"), http.StatusCreated)
	})

	t.Run("repositories", func(t *testing.T) {
		f.limit("", "repositories", 1)
		want := told{"LimitExceededException", "The registry with id '123456789012' already has the maximum allowed number of repositories which is '1'"}
		if got := f.toldByAPI(f.api("CreateRepository", map[string]any{"repositoryName": "more"})); got != want {
			t.Errorf("CreateRepository: %+v", got)
		}
	})

	t.Run("tags of an image", func(t *testing.T) {
		f.limit("app", "tags-per-image", 1)
		in := image("v1")
		in["imageTag"] = "also"
		const message = "Adding tag 'also' to an image in the repository with name 'app' in registry with id '123456789012' exceeds the maximum allowed number of tags per image which is '1'"
		if got := f.toldByAPI(f.api("PutImage", in)); got != (told{"LimitExceededException", message}) {
			t.Errorf("PutImage: %+v", got)
		}
		r := f.v2("PUT", "/v2/app/manifests/also", manifestOf("v1"))
		r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		if got := f.toldByV2(r, http.StatusForbidden); got != (told{"DENIED", message}) {
			t.Errorf("/v2/: %+v", got)
		}
	})

	part := func(content string, parts int) (id string, last *http.Request) {
		var started struct{ UploadID string }
		f.ask(f.api("InitiateLayerUpload", map[string]any{"repositoryName": "app"}), http.StatusOK, &started)
		for i := range parts {
			first := i * len(content)
			last = f.api("UploadLayerPart", map[string]any{
				"repositoryName": "app", "uploadId": started.UploadID, "partFirstByte": first, "partLastByte": first + len(content) - 1,
				"layerPartBlob": base64.StdEncoding.EncodeToString([]byte(content)),
			})
			if i < parts-1 {
				f.send(last, http.StatusOK)
			}
		}
		return started.UploadID, last
	}

	t.Run("layer parts", func(t *testing.T) {
		f.limit("app", "layer-parts", 2)
		id, third := part("x", 3)
		want := told{"LimitExceededException", "The upload with id '" + id + "' in the repository with name 'app' in registry with id '123456789012' already has the maximum allowed number of layer parts which is '2'"}
		if got := f.toldByAPI(third); got != want {
			t.Errorf("UploadLayerPart: %+v", got)
		}
	})

	t.Run("size of a layer", func(t *testing.T) {
		f.limit("app", "layer-size", 10)
		const message = "The layer for the repository with name 'app' in registry with id '123456789012' exceeds the maximum allowed layer size which is '10' bytes"
		_, eleven := part("hello world", 1)
		if got := f.toldByAPI(eleven); got != (told{"LimitExceededException", message}) {
			t.Errorf("UploadLayerPart: %+v", got)
		}
		location := f.send(f.v2("POST", "/v2/app/blobs/uploads/", nil), http.StatusAccepted).Header().Get("Location")
		if got := f.toldByV2(f.v2("PATCH", location, []byte("hello world")), http.StatusForbidden); got != (told{"DENIED", message}) {
			t.Errorf("/v2/: %+v", got)
		}
		f.limit("app", "layer-size", -1)
	})

	t.Run("storage", func(t *testing.T) {
		f.limit("", "account-storage", 3000)
		const message = "The account with id '123456789012' would exceed its maximum allowed storage which is '3000' bytes"
		content := strings.Repeat("x", 3000)
		if got := f.toldByV2(f.v2("POST", "/v2/app/blobs/uploads/?digest=sha256:"+hexSum([]byte(content)), []byte(content)), http.StatusForbidden); got != (told{"DENIED", message}) {
			t.Errorf("/v2/: %+v", got)
		}
	})
}

func TestUsageAndQuotasCanBeAskedFor(t *testing.T) {
	f := newQuotaServer(t)
	f.send(f.putManifest("v1"), http.StatusCreated)
	var usage struct {
		Usage struct{ Repositories, Images, Layers, Bytes int64 }
	}
	f.ask(f.own("DescribeUsage", map[string]any{"RepositoryName": "app"}), http.StatusOK, &usage)
	if u := usage.Usage; u.Images != 1 || u.Layers != 1 || u.Bytes != int64(2+len(manifestOf("v1"))) {
		t.Errorf("usage of the repository: %+v", u)
	}
	f.limit("", "rate-DescribeImages", 5)
	var list struct {
		Quotas []struct {
			Name     string
			Value    int64
			EcrValue *int64
			Set      bool
		}
	}
	f.ask(f.own("ListQuotas", map[string]any{}), http.StatusOK, &list)
	found := map[string]bool{}
	for _, q := range list.Quotas {
		found[q.Name] = true
		if q.Name == "tags-per-image" && (q.Value != 1000 || q.Set) || q.Name == "repositories" && (q.Value != -1 || *q.EcrValue != 100_000) ||
			q.Name == "rate-DescribeImages" && (q.Value != 5 || !q.Set) {
			t.Errorf("%+v", q)
		}
	}
	if !found["tags-per-image"] || !found["rate-DescribeImages"] || !found["account-storage"] {
		t.Errorf("listed are %v", found)
	}
	for _, name := range []string{"rate-Nothing", "nothing"} {
		if got := f.toldByAPI(f.own("PutQuota", map[string]any{"Name": name, "Value": 1})); got.code != "InvalidParameterException" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestECRsQuotasHoldWhereTheServerIsSetToThem(t *testing.T) {
	c := config.Default()
	c.Quotas = "ecr"
	f := startServer(t, c, "sqlite:"+t.TempDir()+"/nifuda.db")
	w := f.send(f.own("ListQuotas", map[string]any{}), http.StatusOK)
	var list struct {
		Quotas []struct {
			Name            string
			Unit            string
			Value, EcrValue int64
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	for _, q := range list.Quotas {
		if q.EcrValue != 0 && q.Unit != "per-second" && q.Value != q.EcrValue {
			t.Errorf("%s is %d", q.Name, q.Value)
		}
	}
}

// Who manages an account and no other sets no quotas, and sees its own.
func TestQuotasAreSetFromTheHomeAccountOnly(t *testing.T) {
	f := newQuotaServer(t)
	var made struct {
		Account   struct{ AccountID string }
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	f.ask(f.own("CreateAccount", map[string]any{"AccountId": "210987654321", "Name": "other"}), http.StatusOK, &made)
	other := *f
	other.root.AccessKeyID, other.root.SecretAccessKey = made.AccessKey.AccessKeyID, made.AccessKey.SecretAccessKey
	if got := other.toldByAPI(other.own("PutQuota", map[string]any{"Name": "repositories", "Value": 1})); got.code != "AccessDeniedException" {
		t.Errorf("PutQuota: %+v", got)
	}
	if got := other.toldByAPI(other.own("DescribeUsage", map[string]any{"AccountId": "123456789012"})); got.code != "AccessDeniedException" {
		t.Errorf("DescribeUsage of another account: %+v", got)
	}
	other.send(other.own("ListQuotas", map[string]any{}), http.StatusOK)
	f.send(f.own("PutQuota", map[string]any{"AccountId": "210987654321", "Name": "repositories", "Value": 0}), http.StatusOK)
	if got := other.toldByAPI(other.api("CreateRepository", map[string]any{"repositoryName": "app"})); got.code != "LimitExceededException" {
		t.Errorf("CreateRepository: %+v", got)
	}
}

// Requests beyond a rate are told so in the words of both planes, and when to
// come again.
func TestTooManyRequestsAreThrottled(t *testing.T) {
	var s *server
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", func(started *server) { s = started })
	f.send(f.api("CreateRepository", map[string]any{"repositoryName": "app"}), http.StatusOK)
	for _, operation := range []string{"DescribeRepositories", "ListImages"} {
		f.limit("", "rate-"+operation, 1)
	}
	if err := s.limiter.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	throttled := func(ask func() *http.Request) *httptest.ResponseRecorder {
		for range 50 { // a burst is ten seconds' worth
			w := httptest.NewRecorder()
			if f.handler.ServeHTTP(w, ask()); w.Code != http.StatusOK {
				return w
			}
		}
		t.Fatal("nothing was refused")
		return nil
	}
	api := throttled(func() *http.Request { return f.api("DescribeRepositories", map[string]any{}) })
	if api.Code != http.StatusBadRequest || !strings.Contains(api.Body.String(), `"ThrottlingException"`) || !strings.Contains(api.Body.String(), `"Rate exceeded"`) {
		t.Errorf("the API: %d %s", api.Code, api.Body)
	}
	v2 := throttled(func() *http.Request { return f.v2("GET", "/v2/app/tags/list", nil) })
	if v2.Code != http.StatusTooManyRequests || v2.Header().Get("Retry-After") == "" || !strings.Contains(v2.Body.String(), `"TOOMANYREQUESTS"`) {
		t.Errorf("/v2/: %d %v %s", v2.Code, v2.Header(), v2.Body)
	}
	f.send(f.api("DescribeImages", map[string]any{"repositoryName": "app"}), http.StatusOK) // has no rate
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]bool{}
	for _, family := range families {
		if family.GetName() == "nifuda_throttled_requests_total" {
			for _, m := range family.GetMetric() {
				counted[m.GetLabel()[1].GetValue()+" "+m.GetLabel()[0].GetValue()] = true
			}
		}
	}
	if !counted["ecr DescribeRepositories"] || !counted["oci ListImages"] {
		t.Errorf("counted are %v", counted)
	}
}
