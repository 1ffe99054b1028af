package nifudaapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/nifudaapi"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const (
	region    = "us-east-1"
	homeRoot  = "arn:aws:iam::" + home + ":root"
	otherRoot = "arn:aws:iam::" + other + ":root"
)

// namedBy authenticates by the ARN in the Authorization header.
type namedBy struct{ *identity.Identities }

func (namedBy) Precheck(context.Context, *http.Request) error { return nil }

func (n namedBy) Verify(ctx context.Context, r *http.Request, _ []byte) (authn.Identity, error) {
	p, err := n.PrincipalNamed(ctx, r.Header.Get("Authorization"))
	return authn.Identity{Principal: p, Region: region}, err
}

// A deletedFixture is the API over a registry that keeps what is deleted, with
// the policies of its users and repositories.
type deletedFixture struct {
	*fixture
	registry *registry.Registry
	n        registry.RepositoryName
	at       time.Time
}

func newDeletedFixture(t *testing.T, s *store.Store, window time.Duration) *deletedFixture {
	t.Helper()
	f := &deletedFixture{fixture: newFixture(t, s), at: now()}
	blobs, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	log := slog.New(slog.DiscardHandler)
	f.registry = registry.New(s, blobs, registry.Options{
		UploadKey: bytes.Repeat([]byte{1}, 32), UndeleteWindow: window, Now: func() time.Time { return f.at }, Log: log,
	})
	service := nifudaapi.New(nifudaapi.Options{
		Accounts: f.identities, Repositories: f.registry, Authenticator: namedBy{f.identities},
		Authorizer: access.New(f.identities, f.registry, f.identities), Home: home, Now: now,
	})
	f.handler = httpx.NewHandler(awsjson.New(awsjson.Options{Log: log}, service), httpx.Options{Log: log})
	if _, _, err := f.identities.CreateAccount(t.Context(), other, "other"); err != nil {
		t.Fatal(err)
	}
	f.n = registry.RepositoryName{Registry: registry.ID{Account: home, Region: region}, Name: "team/app"}
	if _, err := f.registry.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: f.n}); err != nil {
		t.Fatal(err)
	}
	return f
}

// push pushes an image that is nothing but its name, and returns its digest.
func (f *deletedFixture) push(t *testing.T, name string, tags ...string) string {
	t.Helper()
	config := []byte(`{"name":"` + name + `"}`)
	d := digest.FromBytes(config)
	completion := registry.Completion{Part: registry.Part{Length: int64(len(config)), Body: bytes.NewReader(config)}, Digests: []string{d.String()}}
	if _, err := f.registry.PutBlob(t.Context(), f.n, completion); err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []any{},
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": d, "size": len(config)},
	})
	if err != nil {
		t.Fatal(err)
	}
	put, err := f.registry.PutImage(t.Context(), registry.NewImage{Repository: f.n, Payload: payload, Tags: tags, Actor: homeRoot})
	if err != nil {
		t.Fatal(err)
	}
	return put.Digest
}

func (f *deletedFixture) delete(t *testing.T, digest string) {
	t.Helper()
	if err := f.registry.DeleteManifest(t.Context(), f.n, digest, nil, homeRoot); err != nil {
		t.Fatal(err)
	}
}

// user makes a user with a policy and returns its ARN.
func (f *deletedFixture) user(t *testing.T, name, policy string) string {
	t.Helper()
	user, err := f.identities.CreateUser(t.Context(), identity.NewUser{Account: home, Name: name})
	if err == nil {
		err = f.identities.PutInlinePolicy(t.Context(), home, identity.User, name, "p", policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	return user.ARN()
}

// want checks a response, in which <name> stands for a value.
func (f *deletedFixture) want(t *testing.T, caller, operation, body, want string, names map[string]string) {
	t.Helper()
	for name, value := range names {
		body, want = strings.ReplaceAll(body, "<"+name+">", value), strings.ReplaceAll(want, "<"+name+">", value)
	}
	status, got := f.call(t, caller, operation, body)
	var parsed map[string]any
	if err := json.Unmarshal([]byte(want), &parsed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parsed, got); status != 200 || diff != "" {
		t.Errorf("%s %s: %d, -want +got: %s", operation, body, status, diff)
	}
}

func TestWhatWasDeletedIsListedAndComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		one := f.push(t, "one", "v1", "prod")
		f.at = f.at.Add(time.Minute)
		f.delete(t, one)
		two := f.push(t, "two", "prod")
		_, listed := f.call(t, homeRoot, "ListDeletedImages", `{"RepositoryName":"team/app"}`)
		id := listed["DeletedImages"].([]any)[0].(map[string]any)["DeletionId"].(string)
		names := map[string]string{"one": one, "two": two, "id": id, "root": homeRoot}

		deleted := `{"RegistryId":"123456789012","RepositoryName":"team/app","DeletedImages":[{"DeletionId":"<id>","ImageDigest":"<one>","ImageTags":["prod","v1"],
			"ImageManifestMediaType":"application/vnd.oci.image.manifest.v1+json","ArtifactMediaType":"application/vnd.oci.image.config.v1+json",
			"ImageSizeInBytes":14,"ImagePushedAt":1795608000,"DeletedBy":"<root>","DeletedAt":1795608060,"RestorableUntil":1795694460}]}`
		f.want(t, homeRoot, "ListDeletedImages", `{"RepositoryName":"team/app"}`, deleted, names)
		f.want(t, homeRoot, "ListDeletedImages", `{"RepositoryName":"team/app","ImageTag":"v1","RegistryId":"123456789012"}`, deleted, names)
		f.want(t, homeRoot, "ListDeletedImages", `{"RepositoryName":"team/app","ImageDigest":"<two>"}`,
			`{"RegistryId":"123456789012","RepositoryName":"team/app","DeletedImages":[]}`, names)
		f.want(t, homeRoot, "DescribeTagHistory", `{"RepositoryName":"team/app","ImageTag":"prod"}`,
			`{"RegistryId":"123456789012","RepositoryName":"team/app","ImageTag":"prod","TagHistory":[
				{"Sequence":3,"ImageDigest":"<two>","ImageState":"EXISTS","ActorArn":"<root>","ChangedAt":1795608060},
				{"Sequence":2,"ActorArn":"<root>","ChangedAt":1795608060},
				{"Sequence":1,"ImageDigest":"<one>","ImageState":"RESTORABLE","ActorArn":"<root>","ChangedAt":1795608000}]}`, names)
		f.want(t, homeRoot, "RestoreImage", `{"RepositoryName":"team/app","DeletionId":"<id>"}`,
			`{"RegistryId":"123456789012","RepositoryName":"team/app","ImageDigest":"<one>","Existed":false,"RestoredTags":["v1"],
				"TakenTags":[{"ImageTag":"prod","ImageDigest":"<two>"}],"RestoredChildren":[]}`, names)
		f.want(t, homeRoot, "RestoreTag", `{"RepositoryName":"team/app","ImageTag":"prod","Before":1795608060}`,
			`{"RegistryId":"123456789012","RepositoryName":"team/app","ImageTag":"prod","ImageDigest":"<one>","PreviousImageDigest":"<two>",
				"Sequence":1,"ImageRestored":false,"RestoredChildren":[]}`, names)
		f.delete(t, two)
		f.want(t, homeRoot, "RestoreTag", `{"RepositoryName":"team/app","ImageTag":"prod","Sequence":3}`,
			`{"RegistryId":"123456789012","RepositoryName":"team/app","ImageTag":"prod","ImageDigest":"<two>","PreviousImageDigest":"<one>",
				"Sequence":3,"ImageRestored":true,"RestoredChildren":[]}`, names)

		for body, code := range map[string]string{
			`{"RepositoryName":"none","ImageDigest":"` + one + `"}`:                               "RepositoryNotFoundException",
			`{"RepositoryName":"team/app","DeletionId":"` + id + `"}`:                             "ImageNotFoundException",
			`{"RepositoryName":"team/app"}`:                                                       "InvalidParameterException",
			`{"RepositoryName":"team/app","ImageDigest":"` + one + `","DeletionId":"` + id + `"}`: "InvalidParameterException",
			`{"RepositoryName":"team/app","ImageDigest":"one"}`:                                   "ValidationException",
		} {
			f.wantError(t, homeRoot, "RestoreImage", body, code)
		}
		f.wantError(t, homeRoot, "RestoreTag", `{"RepositoryName":"team/app","ImageTag":"prod"}`, "InvalidParameterException")
		f.wantError(t, homeRoot, "RestoreTag", `{"RepositoryName":"team/app","ImageTag":"prod","Sequence":2}`, "ImageNotFoundException")
		f.wantError(t, homeRoot, "ListDeletedImages", `{"RepositoryName":"team/app","ImageDigest":"`+one+`","ImageTag":"v1"}`, "InvalidParameterException")
		if err := f.registry.SetTagMutability(t.Context(), f.n, registry.TagMutability{Mode: registry.Immutable}, homeRoot); err != nil {
			t.Fatal(err)
		}
		f.wantError(t, homeRoot, "RestoreTag", `{"RepositoryName":"team/app","ImageTag":"prod","Sequence":1}`, "ImageTagAlreadyExistsException")
	})
}

func TestADeletedRepositoryComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		f.push(t, "one", "v1")
		old, err := f.registry.DeleteRepository(t.Context(), f.n, true, homeRoot)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{"id": old.ID, "root": homeRoot}
		deleted := `{"DeletedRepositories":[{"RepositoryId":"<id>","RegistryId":"123456789012","RepositoryName":"team/app",
			"RepositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/team/app","DeletedBy":"<root>","DeletedAt":1795608000,"RestorableUntil":1795694400}]}`
		f.want(t, homeRoot, "ListDeletedRepositories", `{}`, deleted, names)
		f.want(t, homeRoot, "ListDeletedRepositories", `{"RepositoryName":"team/app"}`, deleted, names)
		f.want(t, homeRoot, "ListDeletedRepositories", `{"RepositoryName":"other"}`, `{"DeletedRepositories":[]}`, names)
		f.wantError(t, homeRoot, "RestoreRepository", `{"RepositoryName":"other"}`, "RepositoryNotFoundException")
		f.want(t, homeRoot, "RestoreRepository", `{"RepositoryName":"team/app","RepositoryId":"<id>","NewRepositoryName":"back"}`,
			`{"Repository":{"RepositoryId":"<id>","RegistryId":"123456789012","RepositoryName":"back",
				"RepositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/back","CreatedAt":1795608000}}`, names)
		back := registry.RepositoryName{Registry: f.n.Registry, Name: "back"}
		if _, err := f.registry.DeleteRepository(t.Context(), back, true, homeRoot); err != nil {
			t.Fatal(err)
		}
		if _, err := f.registry.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: back}); err != nil {
			t.Fatal(err)
		}
		f.wantError(t, homeRoot, "RestoreRepository", `{"RepositoryName":"back"}`, "RepositoryAlreadyExistsException")
	})
}

func TestWithoutAWindowNothingCanBeRestored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 0)
		one := f.push(t, "one", "v1")
		f.delete(t, one)
		f.want(t, homeRoot, "ListDeletedImages", `{"RepositoryName":"team/app"}`, `{"RegistryId":"123456789012","RepositoryName":"team/app","DeletedImages":[]}`, nil)
		f.wantError(t, homeRoot, "RestoreImage", `{"RepositoryName":"team/app","ImageDigest":"`+one+`"}`, "UndeleteDisabledException")
		f.wantError(t, homeRoot, "RestoreRepository", `{"RepositoryName":"none"}`, "UndeleteDisabledException")
	})
}

func TestListingsOfWhatWasDeletedHavePages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		for range 3 {
			f.delete(t, f.push(t, "one", "v1"))
			if _, err := f.registry.DeleteRepository(t.Context(), f.n, true, homeRoot); err != nil {
				t.Fatal(err)
			}
			if _, err := f.registry.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: f.n}); err != nil {
				t.Fatal(err)
			}
			gone := registry.RepositoryName{Registry: f.n.Registry, Name: "gone"}
			if _, err := f.registry.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: gone}); err != nil {
				t.Fatal(err)
			}
			if _, err := f.registry.DeleteRepository(t.Context(), gone, false, homeRoot); err != nil {
				t.Fatal(err)
			}
		}
		for operation, l := range map[string]struct {
			list  string
			input string
			count int
		}{
			"ListDeletedImages":       {"DeletedImages", `"RepositoryName":"team/app"`, 3},
			"ListDeletedRepositories": {"DeletedRepositories", `"RepositoryName":"gone"`, 3},
			"DescribeTagHistory":      {"TagHistory", `"RepositoryName":"team/app","ImageTag":"v1"`, 6},
		} {
			var all []any
			token := ""
			for page := 0; page == 0 || token != ""; page++ {
				input := l.input
				if token != "" {
					input += `,"NextToken":"` + token + `"`
				}
				status, out := f.call(t, homeRoot, operation, `{`+input+`,"MaxResults":2}`)
				if status != 200 || page > 3 {
					t.Fatal(operation, status, out)
				}
				all = append(all, out[l.list].([]any)...)
				token, _ = out["NextToken"].(string)
			}
			if len(all) != l.count {
				t.Errorf("%s: %d entries", operation, len(all))
			}
			for _, foreign := range []string{"x", "AAAA", "c2VxdWVuY2UAeA", "ZGlnZXN0AHg"} {
				f.wantError(t, homeRoot, operation, `{`+l.input+`,"NextToken":"`+foreign+`"}`, "InvalidNextTokenException")
			}
		}
	})
}

// TestRestoringTakesItsOwnPermissions: those of the identity, of the repository's
// policy for other accounts, and for the tags that come back.
func TestRestoringTakesItsOwnPermissions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		one := f.push(t, "one", "dev-1", "prod")
		f.delete(t, one)
		const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":`
		pusher := f.user(t, "pusher", allow+`"ecr:*"}}`)
		restorer := f.user(t, "restorer", allow+`"nifuda:*"}}`)
		developer := f.user(t, "developer", allow+`"nifuda:*","Condition":{"StringLike":{"nifuda:ImageTag":"dev-*"}}}}`)
		team := f.user(t, "team", allow+`"nifuda:*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}}`)

		operations := map[string]string{
			"DescribeTagHistory":      `{"RepositoryName":"%","ImageTag":"prod"}`,
			"ListDeletedImages":       `{"RepositoryName":"%"}`,
			"SearchTags":              `{"RepositoryName":"%"}`,
			"ListDeletedRepositories": `{"RepositoryName":"%"}`,
			"RestoreImage":            `{"RepositoryName":"%","ImageDigest":"` + one + `"}`,
			"RestoreTag":              `{"RepositoryName":"%","ImageTag":"prod","Sequence":1}`,
			"RestoreRepository":       `{"RepositoryName":"%"}`,
		}
		for operation, input := range operations {
			for _, name := range []string{"team/app", "none"} {
				body := strings.Replace(input, "%", name, 1)
				f.wantError(t, pusher, operation, body, "AccessDeniedException")
				abroad := strings.Replace(body, "{", `{"RegistryId":"`+home+`",`, 1)
				f.wantError(t, otherRoot, operation, abroad, "AccessDeniedException")
				if operation != "DescribeTagHistory" && operation != "RestoreTag" {
					f.wantError(t, team, operation, body, "AccessDeniedException")
				}
			}
		}
		f.wantError(t, pusher, "RestoreRepository", `{"RepositoryName":"none","NewRepositoryName":"team/app"}`, "AccessDeniedException")

		// One of the tags that would come back may not be set.
		f.wantError(t, developer, "RestoreImage", onApp(operations, "RestoreImage"), "AccessDeniedException")
		f.wantError(t, developer, "RestoreTag", onApp(operations, "RestoreTag"), "AccessDeniedException")
		if status, out := f.call(t, developer, "RestoreTag", `{"RepositoryName":"team/app","ImageTag":"dev-1","Sequence":1}`); status != 200 {
			t.Error(status, out)
		}
		f.delete(t, one)
		f.call(t, restorer, "RestoreImage", onApp(operations, "RestoreImage"))
		f.delete(t, one) // with dev-1 alone
		if status, out := f.call(t, developer, "RestoreImage", onApp(operations, "RestoreImage")); status != 200 || len(out["RestoredTags"].([]any)) != 1 {
			t.Error(status, out)
		}
		if err := f.registry.TagRepository(t.Context(), f.n, []registry.ResourceTag{{Key: "team", Value: "blue"}}); err != nil {
			t.Fatal(err)
		}
		if status, out := f.call(t, team, "RestoreTag", onApp(operations, "RestoreTag")); status != 200 {
			t.Error(status, out)
		}

		// Another account, by the repository's policy.
		const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":["nifuda:DescribeTagHistory","nifuda:Restore*"]}}`
		accept := func(context.Context, *iam.Document) (iam.Pins, error) { return nil, nil }
		if err := f.registry.SetRepositoryPolicy(t.Context(), f.n, policy, accept, homeRoot); err != nil {
			t.Fatal(err)
		}
		f.delete(t, one)
		abroad := func(operation string) string {
			return strings.Replace(onApp(operations, operation), "{", `{"RegistryId":"`+home+`",`, 1)
		}
		f.wantError(t, otherRoot, "ListDeletedImages", abroad("ListDeletedImages"), "AccessDeniedException")
		for _, operation := range []string{"DescribeTagHistory", "RestoreImage", "RestoreTag"} {
			if status, out := f.call(t, otherRoot, operation, abroad(operation)); status != 200 {
				t.Error(operation, status, out)
			}
		}
		history, _, err := f.registry.TagHistory(t.Context(), f.n, "prod", registry.Cursor{}, 100)
		actor := func(c registry.TagChange) bool { return c.Actor == otherRoot }
		if err != nil || !slices.ContainsFunc(history, actor) {
			t.Errorf("history is %+v, %v", history, err)
		}
	})
}

func onApp(operations map[string]string, operation string) string {
	return strings.Replace(operations[operation], "%", "team/app", 1)
}
