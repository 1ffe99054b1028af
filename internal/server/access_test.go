package server

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// onBothDatabases runs a test on a server over each.
func onBothDatabases(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, newServer(t, storetest.PostgresURL(t))) })
}

func (f *fixture) must(err error) {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatal(err)
	}
}

// user makes a user of the default account with an identity policy, or without.
func (f *fixture) user(name, policy string) signer {
	f.tb.Helper()
	ctx := f.tb.Context()
	_, err := f.identities.CreateUser(ctx, identity.NewUser{Account: f.account, Name: name})
	f.must(err)
	if policy != "" {
		f.must(f.identities.PutInlinePolicy(ctx, f.account, identity.User, name, "p", policy))
	}
	key, err := f.identities.CreateAccessKey(ctx, f.account, name)
	f.must(err)
	return signer{id: key.AccessKeyID, secret: key.Secret}
}

// as calls the ECR API and returns the answer.
func (f *fixture) as(s signer, operation string, in map[string]any) *httptest.ResponseRecorder {
	f.tb.Helper()
	return f.call(s, "ecr", "AmazonEC2ContainerRegistry_V20150921."+operation, in)
}

// call calls an operation of the service with a signing name.
func (f *fixture) call(s signer, service, target string, in map[string]any) *httptest.ResponseRecorder {
	f.tb.Helper()
	body, err := json.Marshal(in)
	f.must(err)
	r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	s.sign(r, body, service, f.region)
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) rootSigner() signer {
	return signer{id: f.root.AccessKeyID, secret: f.root.SecretAccessKey}
}

// ok calls the ECR API, which must answer 200.
func (f *fixture) ok(s signer, operation string, in map[string]any) {
	f.tb.Helper()
	if w := f.as(s, operation, in); w.Code != http.StatusOK {
		f.tb.Fatalf("%s: %d %s", operation, w.Code, w.Body)
	}
}

// status sends a request to /v2/ with an Authorization header, or without.
func (f *fixture) status(authorization, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+host+path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

// key is the Authorization header of an access key.
func (s signer) key() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.id+":"+s.secret))
}

// pushed puts an image into a repository under tags, and returns its manifest and digest.
func (f *fixture) pushed(repository string, tags ...string) (manifest, dgst string) {
	f.tb.Helper()
	config := `{"of":"` + strings.Join(tags, " ") + `"}`
	configDigest := digest.FromString(config).String()
	if w := f.status(f.login, "POST", "/v2/"+repository+"/blobs/uploads/?digest="+configDigest, config); w.Code != http.StatusCreated {
		f.tb.Fatalf("push config: %d %s", w.Code, w.Body)
	}
	text, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []any{},
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": configDigest, "size": len(config)},
	})
	f.must(err)
	for _, tag := range tags {
		if w := f.status(f.login, "PUT", "/v2/"+repository+"/manifests/"+tag, string(text)); w.Code != http.StatusCreated {
			f.tb.Fatalf("push manifest: %d %s", w.Code, w.Body)
		}
	}
	return string(text), digest.FromBytes(text).String()
}

func (f *fixture) repository(name string) {
	f.tb.Helper()
	f.ok(f.rootSigner(), "CreateRepository", map[string]any{"repositoryName": name})
}

const allowECR = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`

func TestRevokedRightEndsAtOnce(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.repository("app")
		f.pushed("app", "v1")
		alice := f.user("alice", allowECR)
		may := func(want bool, after string) {
			t.Helper()
			wantAPI, wantV2 := http.StatusOK, http.StatusOK
			if !want {
				wantAPI, wantV2 = http.StatusBadRequest, http.StatusForbidden
			}
			if got := f.as(alice, "ListImages", map[string]any{"repositoryName": "app"}); got.Code != wantAPI {
				t.Errorf("%s: the API answers %d %s", after, got.Code, got.Body)
			}
			if got := f.status(alice.key(), "GET", "/v2/app/manifests/v1", ""); got.Code != wantV2 {
				t.Errorf("%s: /v2/ answers %d %s", after, got.Code, got.Body)
			}
		}
		deny := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::` + f.account + `:user/alice"},"Action":"ecr:*"}}`
		root := f.rootSigner()
		may(true, "at first")
		f.must(f.identities.DeleteInlinePolicy(ctx, f.account, identity.User, "alice", "p"))
		may(false, "without the identity policy")
		f.must(f.identities.PutInlinePolicy(ctx, f.account, identity.User, "alice", "p", allowECR))
		may(true, "with it again")
		f.ok(root, "SetRepositoryPolicy", map[string]any{"repositoryName": "app", "policyText": deny})
		may(false, "with the repository policy")
		f.ok(root, "DeleteRepositoryPolicy", map[string]any{"repositoryName": "app"})
		may(true, "without the repository policy")
		inRegistry := strings.Replace(deny, `"Action"`, `"Resource":"*","Action"`, 1)
		f.ok(root, "PutRegistryPolicy", map[string]any{"policyText": inRegistry})
		may(false, "with the registry policy")
		f.ok(root, "DeleteRegistryPolicy", map[string]any{})
		may(true, "without the registry policy")
		byTag := strings.Replace(allowECR, `"Resource"`, `"Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}},"Resource"`, 1)
		f.must(f.identities.PutInlinePolicy(ctx, f.account, identity.User, "alice", "p", byTag))
		may(false, "without the resource tag")
		arn := "arn:aws:ecr:" + f.region + ":" + f.account + ":repository/app"
		f.ok(root, "TagResource", map[string]any{"resourceArn": arn, "tags": []any{map[string]any{"Key": "team", "Value": "a"}}})
		may(true, "with the resource tag")
		other := map[string]any{"resourceArn": arn, "tags": []any{map[string]any{"Key": "Team", "Value": "b"}}}
		if w := f.as(root, "TagResource", other); !strings.Contains(w.Body.String(), "differ in case only") {
			t.Errorf("a tag that policies cannot tell from another: %d %s", w.Code, w.Body)
		}
		may(true, "after a tag whose key differs in case was refused")
		f.ok(root, "UntagResource", map[string]any{"resourceArn": arn, "tagKeys": []any{"team"}})
		may(false, "without the resource tag again")
	})
}

func TestScopeV1NarrowsTheRegistryPolicy(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	root := f.rootSigner()
	f.repository("app")
	alice := f.user("alice", "")
	statement := func(action string) map[string]any {
		return map[string]any{"policyText": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + f.account +
			`:user/alice"},"Action":"` + action + `","Resource":"*"}}`}
	}
	scope := func(value string) map[string]any {
		return map[string]any{"name": "REGISTRY_POLICY_SCOPE", "value": value}
	}
	f.ok(root, "PutRegistryPolicy", statement("ecr:*"))
	f.ok(alice, "ListImages", map[string]any{"repositoryName": "app"})
	if w := f.as(root, "PutAccountSetting", scope("V1")); w.Code != http.StatusBadRequest {
		t.Errorf("V1 under a policy that goes beyond it: %d %s", w.Code, w.Body)
	}
	f.ok(root, "PutRegistryPolicy", statement("ecr:CreateRepository"))
	f.ok(root, "PutAccountSetting", scope("V1"))
	f.ok(alice, "CreateRepository", map[string]any{"repositoryName": "theirs"})
	if w := f.as(root, "PutRegistryPolicy", statement("ecr:*")); !strings.Contains(w.Body.String(), "Invalid registry policy provided") {
		t.Errorf("a policy beyond V1: %d %s", w.Code, w.Body)
	}
	f.ok(root, "PutAccountSetting", scope("V2"))
	f.ok(root, "PutRegistryPolicy", statement("ecr:*"))
}

func TestAnotherAccountNeedsBothSides(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.repository("app")
		f.pushed("app", "v1")
		_, _, err := f.identities.CreateAccount(ctx, otherAccount, "other")
		f.must(err)
		_, err = f.identities.CreateUser(ctx, identity.NewUser{Account: otherAccount, Name: "bob"})
		f.must(err)
		key, err := f.identities.CreateAccessKey(ctx, otherAccount, "bob")
		f.must(err)
		bob := signer{id: key.AccessKeyID, secret: key.Secret}
		pull := func() int {
			r := httptest.NewRequest(http.MethodGet, "http://"+f.account+".dkr.ecr."+f.region+".example.com/v2/app/manifests/v1", nil)
			r.Header.Set("Authorization", bob.key())
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, r)
			return w.Code
		}
		identitySide := func(yes bool) {
			t.Helper()
			if yes {
				f.must(f.identities.PutInlinePolicy(ctx, otherAccount, identity.User, "bob", "p", allowECR))
			} else {
				_ = f.identities.DeleteInlinePolicy(ctx, otherAccount, identity.User, "bob", "p")
			}
		}
		policy := map[string]any{"repositoryName": "app", "policyText": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + otherAccount + `"},"Action":"ecr:BatchGetImage"}}`}
		for _, test := range []struct {
			identity, resource bool
			want               int
		}{{false, false, 403}, {true, false, 403}, {false, true, 403}, {true, true, 200}} {
			identitySide(test.identity)
			if test.resource {
				f.ok(f.rootSigner(), "SetRepositoryPolicy", policy)
			} else {
				f.as(f.rootSigner(), "DeleteRepositoryPolicy", map[string]any{"repositoryName": "app"})
			}
			if got := pull(); got != test.want {
				t.Errorf("identity %t, resource %t: %d, want %d", test.identity, test.resource, got, test.want)
			}
		}
	})
}

// TestMissingAndExistingAreRefusedAlike compares every answer to one who may do
// nothing, byte for byte.
func TestMissingAndExistingAreRefusedAlike(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	f.repository("none") // the name that the matrix asks for
	f.pushed("none", "latest")
	powerless := f.user("powerless", "")
	m := readModel(t, "gen/models/ecr-2015-09-21.json")
	answer := func(w *httptest.ResponseRecorder) string {
		header := maps.Clone(w.Header())
		delete(header, "X-Amzn-Requestid")
		text, err := json.Marshal([]any{w.Code, header, w.Body.String()})
		f.must(err)
		return strings.ReplaceAll(string(text), "nada", "none")
	}
	compare := func(what string, send func(rename func(string) string) *httptest.ResponseRecorder) {
		t.Helper()
		same := func(s string) string { return s }
		missing := func(s string) string { return strings.ReplaceAll(s, "none", "nada") }
		if existing, missing := answer(send(same)), answer(send(missing)); existing != missing {
			t.Errorf("%s:\nexisting %s\nmissing  %s", what, existing, missing)
		}
	}
	for _, operation := range slices.Sorted(maps.Keys(m.Operations)) {
		text, err := json.Marshal(m.input(operation))
		f.must(err)
		compare(operation, func(rename func(string) string) *httptest.ResponseRecorder {
			var in map[string]any
			f.must(json.Unmarshal([]byte(rename(string(text))), &in))
			return f.as(powerless, operation, in)
		})
	}
	for operation, v := range visits {
		if operation == "Token" {
			continue // no two are alike
		}
		for _, authorization := range []string{"", powerless.key()} {
			compare(operation, func(rename func(string) string) *httptest.ResponseRecorder {
				return f.status(authorization, v.method, rename(v.path), "")
			})
		}
	}
}

func TestPoliciesOnImageTags(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		f.repository("app")
		_, dev := f.pushed("app", "dev-1")
		_, prod := f.pushed("app", "prod-1")
		manifest, both := f.pushed("app", "dev-2", "prod-2")
		alice := f.user("alice", `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"ecr:*","Resource":"*","Condition":{"StringLike":{"nifuda:ImageTag":"dev-*"}}},
			{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:DescribeRepositories"],"Resource":"*"}]}`)
		v2 := func(want int, method, path, body string) {
			t.Helper()
			if got := f.status(alice.key(), method, path, body); got.Code != want {
				t.Errorf("%s %s: %d %s, want %d", method, path, got.Code, got.Body, want)
			}
		}
		api := func(want bool, operation string, in map[string]any) {
			t.Helper()
			in["repositoryName"] = "app"
			if got := f.as(alice, operation, in); strings.Contains(got.Body.String(), "AccessDenied") == want {
				t.Errorf("%s %v: %d %s", operation, in, got.Code, got.Body)
			}
		}
		ids := func(members ...string) map[string]any {
			var list []any
			for pair := range slices.Chunk(members, 2) {
				list = append(list, map[string]any{pair[0]: pair[1]})
			}
			return map[string]any{"imageIds": list}
		}
		// Pull: the tag, or any tag of the digest.
		v2(200, "GET", "/v2/app/manifests/dev-1", "")
		v2(403, "GET", "/v2/app/manifests/prod-1", "")
		v2(200, "HEAD", "/v2/app/manifests/"+dev, "")
		v2(403, "GET", "/v2/app/manifests/"+prod, "")
		v2(200, "GET", "/v2/app/manifests/"+both, "")
		v2(200, "GET", "/v2/app/referrers/"+both, "")
		v2(403, "GET", "/v2/app/referrers/"+prod, "")
		api(true, "BatchGetImage", ids("imageTag", "dev-1", "imageDigest", both))
		api(false, "BatchGetImage", ids("imageTag", "dev-1", "imageDigest", prod))
		// Push: every tag that it sets, and not without one.
		v2(201, "PUT", "/v2/app/manifests/dev-3", manifest)
		v2(403, "PUT", "/v2/app/manifests/prod-3", manifest)
		v2(403, "PUT", "/v2/app/manifests/"+both, manifest)
		v2(201, "PUT", "/v2/app/manifests/"+both+"?tag=dev-4&tag=dev-5", manifest)
		v2(403, "PUT", "/v2/app/manifests/"+both+"?tag=dev-4&tag=prod-4", manifest)
		v2(403, "PUT", "/v2/app/manifests/dev-4?tag=prod-4", manifest)
		api(true, "PutImage", map[string]any{"imageManifest": manifest, "imageTag": "dev-6"})
		api(false, "PutImage", map[string]any{"imageManifest": manifest, "imageTag": "prod-6"})
		api(false, "PutImage", map[string]any{"imageManifest": manifest})
		// Deletion: the tag, or every tag of the digest.
		v2(403, "DELETE", "/v2/app/manifests/prod-2", "")
		v2(403, "DELETE", "/v2/app/manifests/"+both, "")
		api(false, "BatchDeleteImage", ids("imageTag", "dev-1", "imageDigest", both))
		v2(202, "DELETE", "/v2/app/manifests/dev-2", "")
		api(true, "BatchDeleteImage", ids("imageTag", "dev-3"))
		v2(202, "DELETE", "/v2/app/manifests/"+dev, "")
	})
}

func TestPlatformImageIsPulledByTheTagOfItsIndex(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	f.repository("app")
	manifest, child := f.pushed("app", "tmp")
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
		"manifests": []any{map[string]any{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": child, "size": len(manifest)}},
	})
	f.must(err)
	f.ok(f.rootSigner(), "PutImage", map[string]any{"repositoryName": "app", "imageTag": "dev-1", "imageManifest": string(index)})
	if w := f.status(f.login, "DELETE", "/v2/app/manifests/tmp", ""); w.Code != http.StatusAccepted {
		t.Fatal(w.Code)
	}
	alice := f.user("alice", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*","Condition":{"StringLike":{"nifuda:ImageTag":"dev-*"}}}}`)
	if w := f.status(alice.key(), "GET", "/v2/app/manifests/"+child, ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOpenRegistryLetsNobodyInParticularPull(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	root := f.rootSigner()
	f.repository("open")
	f.repository("closed")
	manifest, dgst := f.pushed("open", "v1")
	f.pushed("closed", "v1")
	config := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(manifest)
	f.ok(root, "SetRepositoryPolicy", map[string]any{
		"repositoryName": "open",
		"policyText":     `{"Statement":{"Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability","ecr:PutImage","ecr:ListImages"]}}`,
	})
	challenge := func() string { return f.status("", "GET", "/v2/", "").Header().Get("WWW-Authenticate") }
	if got, want := challenge(), `Basic realm="http://`+host+`/",service="ecr.amazonaws.com"`; got != want {
		t.Errorf("before: challenge %s, want %s", got, want)
	}
	if w := f.status("", "GET", "/token/?service="+host+"&scope=repository:open:pull", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("before: a token for nobody: %d %s", w.Code, w.Body)
	}
	f.ok(root, "PutAccountSetting", map[string]any{"name": "ANONYMOUS_PULL", "value": "ENABLED"})
	if got, want := challenge(), `Bearer realm="http://`+host+`/token/",service="`+host+`"`; got != want {
		t.Errorf("after: challenge %s, want %s", got, want)
	}
	if got := f.status("", "GET", "/v2/open/manifests/v1", "").Header().Get("WWW-Authenticate"); !strings.HasSuffix(got, `,scope="repository:open:pull"`) {
		t.Errorf("challenge %s", got)
	}
	nobody := "Bearer " + f.bearer("", "GET", "")
	for path, want := range map[string]int{
		"GET /v2/": 200, "GET /v2/open/manifests/v1": 200, "HEAD /v2/open/manifests/" + dgst: 200, "GET /v2/open/blobs/" + config: 200,
		"HEAD /v2/open/blobs/" + config: 200, "GET /v2/open/referrers/" + dgst: 200,
		"GET /v2/closed/manifests/v1": 401, "GET /v2/gone/manifests/v1": 401, "GET /v2/open/tags/list": 401, "GET /v2/_catalog": 401,
		"PUT /v2/open/manifests/v2": 401, "DELETE /v2/open/manifests/v1": 401, "POST /v2/open/blobs/uploads/": 401,
	} {
		method, path, _ := strings.Cut(path, " ")
		if w := f.status(nobody, method, path, ""); w.Code != want {
			t.Errorf("nobody's %s %s: %d %s, want %d", method, path, w.Code, w.Body, want)
		}
	}
	// Signing in works as before, takes nothing away, and gives a token too.
	powerless := f.user("powerless", "")
	oauth := url.Values{"grant_type": {"password"}, "username": {powerless.id}, "password": {powerless.secret}, "service": {host}, "client_id": {"containerd"}}
	for _, authorization := range []string{powerless.key(), "Bearer " + f.bearer(powerless.key(), "GET", ""), "Bearer " + f.bearer("", "POST", oauth.Encode())} {
		if w := f.status(authorization, "GET", "/v2/open/manifests/v1", ""); w.Code != http.StatusOK {
			t.Errorf("signed in: %d %s", w.Code, w.Body)
		}
		if w := f.status(authorization, "GET", "/v2/closed/manifests/v1", ""); w.Code != http.StatusForbidden {
			t.Errorf("signed in: %d %s", w.Code, w.Body)
		}
	}
	if w := f.status("Basic "+base64.StdEncoding.EncodeToString([]byte(powerless.id+":wrong")), "GET", "/token/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong password got %d", w.Code)
	}
	// A Deny holds for everyone, and so does the end of the setting.
	f.ok(root, "PutRegistryPolicy", map[string]any{"policyText": `{"Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:BatchGetImage","Resource":"*","Condition":{"StringEquals":{"aws:SourceIp":"192.0.2.1"}}}}`})
	if w := f.status(nobody, "GET", "/v2/open/manifests/v1", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("under a Deny: %d", w.Code)
	}
	f.ok(root, "DeleteRegistryPolicy", map[string]any{})
	f.ok(root, "PutAccountSetting", map[string]any{"name": "ANONYMOUS_PULL", "value": "DISABLED"})
	if w := f.status(nobody, "GET", "/v2/open/manifests/v1", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("after the setting's end: %d", w.Code)
	}
}

// bearer asks for a bearer token.
func (f *fixture) bearer(authorization, method, form string) string {
	f.tb.Helper()
	r := httptest.NewRequest(method, "http://"+host+"/token/?service="+host+"&scope=repository:open:pull&account=x", strings.NewReader(form))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	var out struct {
		Token       string
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK || out.Token == "" || out.Token != out.AccessToken || out.ExpiresIn <= 0 {
		f.tb.Fatalf("%s /token/: %d %s", method, w.Code, w.Body)
	}
	return out.Token
}

func TestBlobsAreMountedUnlessTheSettingSaysNo(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	f.repository("base")
	f.repository("app")
	manifest, _ := f.pushed("base", "v1")
	config := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(manifest)
	mount := "/v2/app/blobs/uploads/?mount=" + config + "&from=base"
	pusher := f.user("pusher", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/app"}}`)
	for _, step := range []struct {
		setting       string
		authorization string
		want          int
	}{{"ENABLED", pusher.key(), 202}, {"DISABLED", f.login, 202}, {"ENABLED", f.login, 201}} {
		f.ok(f.rootSigner(), "PutAccountSetting", map[string]any{"name": "BLOB_MOUNTING", "value": step.setting})
		if w := f.status(step.authorization, "POST", mount, ""); w.Code != step.want {
			t.Errorf("%+v: %d %s", step, w.Code, w.Body)
		}
	}
}

func TestPolicyThatLocksItsCallerOutNeedsForce(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db")
	f.repository("app")
	root := f.rootSigner()
	in := map[string]any{"repositoryName": "app", "policyText": `{"Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:SetRepositoryPolicy"}}`}
	if w := f.as(root, "SetRepositoryPolicy", in); errorCode(w) != "InvalidParameterException" {
		t.Errorf("without force: %d %s", w.Code, w.Body)
	}
	in["force"] = true
	f.ok(root, "SetRepositoryPolicy", in)
	if w := f.as(root, "SetRepositoryPolicy", in); errorCode(w) != "AccessDeniedException" {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
	f.ok(root, "DeleteRepositoryPolicy", map[string]any{"repositoryName": "app"})
	in["policyText"] = `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + f.account + `:user/nobody"},"Action":"ecr:*"}}`
	if w := f.as(root, "SetRepositoryPolicy", in); !strings.Contains(w.Body.String(), "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'") {
		t.Errorf("for a user who does not exist: %d %s", w.Code, w.Body)
	}
}

func TestSessionsTokenSeesTheSessionsOwnPolicy(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.repository("app")
		f.pushed("app", "v1")
		user, err := f.identities.CreateUser(ctx, identity.NewUser{Account: f.account, Name: "alice"})
		f.must(err)
		f.must(f.identities.PutInlinePolicy(ctx, f.account, identity.User, "alice", "p", allowECR))
		begin := func(policies ...string) string {
			t.Helper()
			c, err := f.identities.StartSession(ctx, identity.NewSession{
				Account: f.account, OwnerID: user.ID, Duration: time.Hour, Scope: identity.SessionScope{Policies: policies},
			})
			f.must(err)
			return "Basic " + base64.StdEncoding.EncodeToString([]byte("AWS:"+f.issueToken(c.AccessKeyID)))
		}
		narrow := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*"}}`
		for _, test := range []struct {
			login, path string
			want        int
		}{
			{begin(), "/v2/app/manifests/v1", 200},
			{begin(narrow), "/v2/app/manifests/v1", 403},
			{begin(narrow), "/v2/app/tags/list", 200},
		} {
			if w := f.status(test.login, "GET", test.path, ""); w.Code != test.want {
				t.Errorf("%s: %d %s, want %d", test.path, w.Code, w.Body, test.want)
			}
		}
	})
}
