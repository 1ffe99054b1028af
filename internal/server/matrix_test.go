package server

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/identity"
)

// The outcomes of a request, as far as who may do what goes.
const (
	passes   = "passes"   // whatever it answers then
	denied   = "denied"   // known, but not allowed to
	stranger = "stranger" // of an access key that there is not
	expired  = "expired"
	forged   = "forged"
	unbuilt  = "unbuilt" // the operation is not there yet
)

// A signer is who signs a request, and what becomes of it on its way.
type signer struct {
	id, secret, token string
	spoil             func(r *http.Request, body []byte) []byte // nil is nothing
}

const otherAccount = "210987654321" // another account

// callers returns everyone of the matrix. Of those who are refused all but one
// may do everything.
func callers(t *testing.T, f *fixture) map[string]signer {
	t.Helper()
	ctx, people := t.Context(), f.identities
	const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	const nothing = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	user := func(name string, policies ...string) signer {
		_, err := people.CreateUser(ctx, identity.NewUser{Account: f.account, Name: name})
		must(err)
		for i, policy := range policies {
			must(people.PutInlinePolicy(ctx, f.account, identity.User, name, "p"+strconv.Itoa(i), policy))
		}
		key, err := people.CreateAccessKey(ctx, f.account, name)
		must(err)
		return signer{id: key.AccessKeyID, secret: key.Secret}
	}
	all := map[string]signer{
		"root":          {id: f.root.AccessKeyID, secret: f.root.SecretAccessKey},
		"allowed":       user("allowed", everything),
		"no policy":     user("powerless"),
		"explicit deny": user("denied", everything, nothing),
		"disabled key":  user("disabled", everything),
		"deleted user":  user("deleted", everything),
	}
	_, key, err := people.CreateAccount(ctx, otherAccount, "other")
	must(err)
	all["other account"] = signer{id: key.AccessKeyID, secret: key.Secret}
	session, err := people.StartSession(ctx, identity.NewSession{Account: f.account, OwnerID: f.account, Duration: -time.Minute})
	must(err)
	all["expired session"] = signer{id: session.AccessKeyID, secret: session.Secret, token: session.SessionToken}
	must(people.SetAccessKeyActive(ctx, f.account, "disabled", all["disabled key"].id, false))
	must(people.DeleteInlinePolicy(ctx, f.account, identity.User, "deleted", "p0"))
	must(people.DeleteAccessKey(ctx, f.account, "deleted", all["deleted user"].id))
	must(people.DeleteUser(ctx, f.account, "deleted"))

	forger := all["allowed"]
	forger.secret = "0" + forger.secret[1:]
	if forger.secret == all["allowed"].secret {
		forger.secret = "1" + forger.secret[1:]
	}
	all["forged signature"] = forger
	altered := all["allowed"]
	altered.spoil = func(r *http.Request, body []byte) []byte {
		if r.Header.Get("X-Amz-Target") == "" {
			return append(slices.Clone(body), "&Further=1"...)
		}
		return append(slices.Clone(body), ' ')
	}
	all["altered body"] = altered
	replayed := all["allowed"]
	replayed.spoil = func(r *http.Request, body []byte) []byte {
		if r.Header.Get("X-Amz-Target") == "" {
			r.Host = "elsewhere:5050"
			return body
		}
		const prefix = "AmazonEC2ContainerRegistry_V20150921."
		target := prefix + "DescribeRegistry"
		if r.Header.Get("X-Amz-Target") == target {
			target = prefix + "GetRegistryPolicy"
		}
		r.Header.Set("X-Amz-Target", target)
		return body
	}
	all["replayed with another target"] = replayed
	return all
}

// outcomes are what becomes of each caller's request for something of the
// default account that policies decide about.
var outcomes = map[string]string{
	"root":                         passes,
	"allowed":                      passes,
	"no policy":                    denied,
	"explicit deny":                denied,
	"other account":                denied,
	"expired session":              expired,
	"forged signature":             forged,
	"altered body":                 forged,
	"replayed with another target": forged,
	"disabled key":                 stranger,
	"deleted user":                 stranger,
}

// A protocol is how the operations of a model are called.
type protocol struct {
	model   string // file, under internal
	service string // signing name
	// request makes the unsigned request of an operation with an input.
	request func(operation string, input map[string]any) (*http.Request, []byte)
	// differ lists the operations whose outcomes differ from those of the rest,
	// and how; nil leaves one out. One that is added and not listed is held to
	// the rest's.
	differ map[string]map[string]string
	// rest says how the outcomes of those not listed differ; nil is not at all.
	rest func(input map[string]any) map[string]string
}

// own are the outcomes of requests that mean the caller's own account, whoever
// it is.
var own = map[string]string{"other account": passes}

// free are those of requests that need no permission.
var free = map[string]string{"other account": passes, "no policy": passes, "explicit deny": passes}

var protocols = []protocol{
	{model: "../models/nifuda-2026-11-22.json", service: "nifuda", request: target("Nifuda_20261122."), differ: map[string]map[string]string{
		"DescribeUsage": own, "ListQuotas": own,
		// Its proof is a password.
		"SignIn": nil,
	}},
	{
		model: "gen/models/ecr-2015-09-21.json", service: "ecr",
		request: target("AmazonEC2ContainerRegistry_V20150921."),
		differ: map[string]map[string]string{
			"DeleteRegistryPolicy": own, "DescribeRegistry": own, "GetAccountSetting": own, "GetAuthorizationToken": own,
			"GetRegistryPolicy": own, "PutAccountSetting": own, "PutRegistryPolicy": own,
		},
	},
	{
		model: "gen/models/iam-2010-05-08.json", service: "iam", request: form("2010-05-08"),
		rest: func(input map[string]any) map[string]string {
			// Names are of the caller's own account; an ARN alone says whose it is.
			isARN := func(member string) bool { return strings.HasSuffix(member, "Arn") }
			isName := func(member string) bool { return strings.HasSuffix(member, "Name") }
			members := slices.Collect(maps.Keys(input))
			if slices.ContainsFunc(members, isARN) && !slices.ContainsFunc(members, isName) {
				return nil
			}
			return own
		},
	},
	{
		model: "gen/models/kms-2014-11-01.json", service: "kms", request: target("TrentService."),
		differ: map[string]map[string]string{
			// Who may retire a grant is for the grant to say, and there is none.
			"RetireGrant": nil,
		},
		// A key without an account is the caller's own.
		rest: func(map[string]any) map[string]string { return own },
	},
	{
		model: "gen/models/sts-2011-06-15.json", service: "sts", request: form("2011-06-15"),
		differ: map[string]map[string]string{
			"GetCallerIdentity": free, "GetSessionToken": free, "GetAccessKeyInfo": own,
			// Its proof is the token of an identity provider, and none is here.
			"AssumeRoleWithWebIdentity": nil,
			// Assuming a role is for its trust policy too, and there is no role.
			"AssumeRole": {"root": denied, "allowed": denied},
		},
	},
}

// target makes requests of the JSON protocol.
func target(prefix string) func(string, map[string]any) (*http.Request, []byte) {
	return func(operation string, input map[string]any) (*http.Request, []byte) {
		body, err := json.Marshal(input)
		if err != nil {
			panic(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", nil)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", prefix+operation)
		return r, body
	}
}

// form makes requests of the Query protocol.
func form(version string) func(string, map[string]any) (*http.Request, []byte) {
	return func(operation string, input map[string]any) (*http.Request, []byte) {
		values := url.Values{"Action": {operation}, "Version": {version}}
		flatten(values, "", input)
		r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", nil)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		return r, []byte(values.Encode())
	}
}

// flatten writes an input as the Query protocol does.
func flatten(values url.Values, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for member, value := range v {
			flatten(values, strings.TrimPrefix(name+"."+member, "."), value)
		}
	case []any:
		for i, element := range v {
			flatten(values, name+".member."+strconv.Itoa(i+1), element)
		}
	default:
		values.Set(name, fmt.Sprint(v))
	}
}

// TestExactlyTheAllowedMayCallTheAPIs asks for every operation of every model as
// everyone. What the operations are asked to do is made from the models.
func TestExactlyTheAllowedMayCallTheAPIs(t *testing.T) {
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	everyone := callers(t, f)
	for _, p := range protocols {
		m := readModel(t, p.model)
		built := 0
		for _, operation := range slices.Sorted(maps.Keys(m.Operations)) {
			input := m.input(operation)
			// Optional members that say whose or what else it is.
			for member, value := range map[string]any{
				"registryId": f.account, "RegistryId": f.account, "UserName": "none", "KeyId": noKey, "SourceKeyId": noKey, "CiphertextBlob": "AAAA", "NumberOfBytes": 16,
			} {
				if _, ok := m.Shapes[m.Operations[operation].Input.Shape].Members[member]; ok {
					input[member] = value
				}
			}
			if _, ok := input["AccessKeyId"]; ok {
				input["AccessKeyId"] = everyone["allowed"].id
			}
			differ, listed := p.differ[operation]
			if listed && differ == nil {
				continue
			}
			if !listed && p.rest != nil {
				differ = p.rest(input)
			}
			r, body := p.request(operation, maps.Clone(input))
			isBuilt := f.outcome(r, body, everyone["root"], p.service) != unbuilt
			if isBuilt {
				built++
			}
			for who, signer := range everyone {
				want := cmp.Or(differ[who], outcomes[who])
				if !isBuilt && (want == passes || want == denied) {
					want = unbuilt
				}
				r, body := p.request(operation, maps.Clone(input))
				if got := f.outcome(r, body, signer, p.service); got != want {
					t.Errorf("%s:%s by %s: %s, want %s (%s)", p.service, operation, who, got, want, body)
				}
			}
		}
		t.Logf("%s: %d of %d operations", p.service, built, len(m.Operations))
	}
}

// outcome signs a request, spoils it and says what became of it.
func (f *fixture) outcome(r *http.Request, body []byte, s signer, service string) string {
	f.tb.Helper()
	s.sign(r, body, service, f.region)
	if s.spoil != nil {
		body = s.spoil(r, body)
	}
	r2 := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(string(body)))
	r2.Header, r2.Host = r.Header, r.Host
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r2)
	code := errorCode(w)
	switch strings.TrimSuffix(code, "Exception") {
	case "AccessDenied":
		return denied
	case "UnrecognizedClient", "InvalidClientTokenId":
		return stranger
	case "ExpiredToken":
		return expired
	case "InvalidSignature", "SignatureDoesNotMatch":
		return forged
	case "NotImplemented":
		return unbuilt
	case "Server", "ServiceFailure", "InternalFailure", "Serialization", "ValidationError", "Validation", "UnknownOperation", "InvalidAction":
		return code + ": " + w.Body.String()
	}
	if w.Code == http.StatusTooManyRequests || code == "Throttling" {
		return code
	}
	return passes
}

// errorCode is the code of an answer in JSON or XML; "" for one that is no error.
func errorCode(w *httptest.ResponseRecorder) string {
	if w.Code < 400 {
		return ""
	}
	var inJSON struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(w.Body.Bytes(), &inJSON) == nil && inJSON.Type != "" {
		return inJSON.Type
	}
	var inXML struct{ Error struct{ Code string } }
	if xml.Unmarshal(w.Body.Bytes(), &inXML) == nil && inXML.Error.Code != "" {
		return inXML.Error.Code
	}
	return w.Body.String()
}

// sign adds Signature Version 4 to a request without a query.
func (s signer) sign(r *http.Request, body []byte, service, region string) {
	at := time.Now().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", at)
	if s.token != "" {
		r.Header.Set("X-Amz-Security-Token", s.token)
	}
	headers := map[string]string{"host": r.Host}
	for name := range r.Header {
		headers[strings.ToLower(name)] = r.Header.Get(name)
	}
	names := slices.Sorted(maps.Keys(headers))
	canonical := r.Method + "\n" + r.URL.Path + "\n\n"
	for _, name := range names {
		canonical += name + ":" + headers[name] + "\n"
	}
	signed := strings.Join(names, ";")
	canonical += "\n" + signed + "\n" + hexSum(body)
	scope := at[:8] + "/" + region + "/" + service + "/aws4_request"
	key := []byte("AWS4" + s.secret)
	for _, text := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hexSum([]byte(canonical))) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s.id+"/"+scope+", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
}

// A model is a service model, as far as valid requests need it.
type model struct {
	Operations map[string]struct{ Input struct{ Shape string } }
	Shapes     map[string]shape
}

type shape struct {
	Type     string
	Members  map[string]struct{ Shape string }
	Member   struct{ Shape string }
	Required []string
	Min      int
	Max      int
	Pattern  string
	Enum     []string
}

func readModel(t *testing.T, file string) model {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	var m model
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// input is a valid input of an operation, with what it requires.
func (m model) input(operation string) map[string]any {
	if shape := m.Operations[operation].Input.Shape; shape != "" {
		return m.value("", shape).(map[string]any)
	}
	return map[string]any{}
}

// noKey is the id of a KMS key that does not exist.
const noKey = "01234567-89ab-4def-8123-456789abcdef"

// known are the values of members whose shapes do not tell what they must be.
var known = map[string]any{
	"resourceArn":              "arn:aws:ecr:us-east-1:123456789012:repository/none",
	"name":                     "BLOB_MOUNTING",
	"value":                    "ENABLED",
	"AccountAlias":             "none",
	"PolicyDocument":           `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`,
	"AssumeRolePolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}}}`,
	"Url":                      "https://example.com",
	"NewPassword":              "Pass-word-1",
	"Password":                 "Pass-word-1",
	"imageIds":                 []any{map[string]any{"imageTag": "none"}},
	"layerPartBlob":            "",
	"PolicyArn":                "arn:aws:iam::123456789012:policy/none",
	"RoleArn":                  "arn:aws:iam::123456789012:role/none",
	"PolicySourceArn":          "arn:aws:iam::123456789012:user/none",
	"PermissionsBoundary":      "arn:aws:iam::123456789012:policy/none",
	"OpenIDConnectProviderArn": "arn:aws:iam::123456789012:oidc-provider/example.com",
	"Arn":                      "arn:aws:iam::123456789012:user/none",
	"ActionNames":              []any{"ecr:PutImage"},
	"PolicyInputList":          []any{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`},
	"AWSServiceName":           "replication.ecr.amazonaws.com",
	"AccountId":                "123456789012",
	"PrincipalArn":             "arn:aws:iam::123456789012:user/allowed",
	"Action":                   "ecr:PutImage",
	"Resource":                 "arn:aws:ecr:us-east-1:123456789012:repository/none",
	"TagKeys":                  []any{"team"},
	"KeyId":                    noKey,
	"TargetKeyId":              noKey,
	"DestinationKeyId":         noKey,
	"Plaintext":                "AAAA",
	"GranteePrincipal":         "arn:aws:iam::123456789012:root",
	"Policy":                   `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"123456789012"}}}`,
}

// texts are tried for a shape of texts, the first that fits.
var texts = []string{
	"none", "123456789012", "sha256:" + strings.Repeat("0", 64), "01234567-89ab-cdef-0123-456789abcdef", "v1", "/", "us-east-1",
	"arn:aws:iam::123456789012:role/none", "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/none",
	"arn:aws:signer:us-east-1:123456789012:/signing-profiles/none",
}

func (m model) value(member, name string) any {
	if value, ok := known[member]; ok {
		return value
	}
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		value := map[string]any{}
		for _, required := range s.Required {
			value[required] = m.value(required, s.Members[required].Shape)
		}
		return value
	case "list":
		return []any{m.value("", s.Member.Shape)}
	case "map":
		return map[string]any{}
	case "boolean":
		return true
	case "integer", "long":
		return s.Min
	case "string":
		return s.text()
	}
	return ""
}

func (s shape) text() string {
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	pattern, err := regexp.Compile("^(?:" + s.Pattern + ")$")
	for _, text := range texts {
		if len(text) >= s.Min && (s.Max == 0 || len(text) <= s.Max) && (err != nil || s.Pattern == "" || pattern.MatchString(text)) {
			return text
		}
	}
	return strings.Repeat("x", s.Min)
}

// A visit is a request of the distribution API.
type visit struct{ method, path string }

const someDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// visits has a request for every operation of the distribution API.
var visits = map[string]visit{
	"Ping":           {"GET", "/v2/"},
	"GetBlob":        {"GET", "/v2/none/blobs/" + someDigest},
	"HeadBlob":       {"HEAD", "/v2/none/blobs/" + someDigest},
	"GetManifest":    {"GET", "/v2/none/manifests/latest"},
	"HeadManifest":   {"HEAD", "/v2/none/manifests/latest"},
	"StartUpload":    {"POST", "/v2/none/blobs/uploads/"},
	"AppendUpload":   {"PATCH", "/v2/none/blobs/uploads/1"},
	"CompleteUpload": {"PUT", "/v2/none/blobs/uploads/1?digest=" + someDigest},
	"PutManifest":    {"PUT", "/v2/none/manifests/latest"},
	"ListTags":       {"GET", "/v2/none/tags/list"},
	"DeleteManifest": {"DELETE", "/v2/none/manifests/latest"},
	"DeleteBlob":     {"DELETE", "/v2/none/blobs/" + someDigest},
	"ListReferrers":  {"GET", "/v2/none/referrers/" + someDigest},
	"GetUpload":      {"GET", "/v2/none/blobs/uploads/1"},
	"CancelUpload":   {"DELETE", "/v2/none/blobs/uploads/1"},
	"ListCatalog":    {"GET", "/v2/_catalog"},
	"Token":          {"GET", "/token/"},
	"Download":       {"GET", "/layers?account=123456789012"}, // a signed address is the credential itself
	"Unknown":        {"GET", "/v2/none/nonsense"},
}

// TestExactlyTheAllowedMayUseTheDistributionAPI asks for every operation under
// /v2/ as everyone, with a login token and with an access key.
func TestExactlyTheAllowedMayUseTheDistributionAPI(t *testing.T) {
	source, err := os.ReadFile("../ociapi/route.go")
	if err != nil {
		t.Fatal(err)
	}
	operations := regexp.MustCompile(`(?m)^\tOp\w+ +Op = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(operations) != len(visits) {
		t.Errorf("the API has %d operations, and %d have a row", len(operations), len(visits))
	}
	f := newServer(t, "sqlite:"+t.TempDir()+"/nifuda.db", forgiving)
	logins := logins(t, f)
	for _, match := range operations {
		operation := match[1]
		v, ok := visits[operation]
		if !ok {
			t.Errorf("%s has no row", operation)
		}
		for who, login := range logins {
			want := login.status
			needsNone := operation == "Ping" || operation == "Token" || operation == "Unknown"
			switch {
			case operation == "Download":
				want = http.StatusUnauthorized
			case needsNone && want == http.StatusForbidden && who != "another region's host":
				want = 0
			case operation == "Token" && who == "another region's host":
				want = 0
			}
			r := httptest.NewRequest(v.method, "http://"+cmp.Or(login.host, "123456789012.dkr.ecr.us-east-1.example.com")+v.path, nil)
			if login.authorization != "" {
				r.Header.Set("Authorization", login.authorization)
			}
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, r)
			got := w.Code
			refused := got == http.StatusUnauthorized || got == http.StatusForbidden
			switch {
			case operation == "Download":
				if !refused {
					t.Errorf("%s by %s: %d", operation, who, got)
				}
			case want == 0 && refused, want != 0 && got != want:
				t.Errorf("%s by %s: %d, want %d (0 is anything but a refusal): %s", operation, who, got, want, w.Body)
			}
		}
	}
}

// A login is an Authorization header for the distribution API, and the status
// that it leads to; 0 is any but a refusal.
type login struct {
	authorization, host string
	status              int
}

func logins(t *testing.T, f *fixture) map[string]login {
	t.Helper()
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	all := map[string]login{"nobody": {status: http.StatusUnauthorized}}
	statuses := map[string]int{denied: http.StatusForbidden, stranger: http.StatusUnauthorized, expired: http.StatusUnauthorized, forged: http.StatusUnauthorized}
	for who, s := range callers(t, f) {
		if s.spoil != nil {
			continue // what is sent with a login is not signed
		}
		if s.token == "" {
			all[who+", by key"] = login{authorization: basic(s.id, s.secret), status: statuses[outcomes[who]]}
		} else {
			all[who+", by key"] = login{authorization: basic(s.id, s.secret), status: http.StatusUnauthorized}
		}
		if who == "forged signature" {
			continue
		}
		token := f.issueToken(s.id)
		all[who+", by token"] = login{authorization: basic("AWS", token), status: statuses[outcomes[who]]}
		all[who+", by bearer"] = login{authorization: "Bearer " + token, status: statuses[outcomes[who]]}
		if who == "allowed" {
			all["forged token"] = login{authorization: basic("AWS", "A"+token[1:]+"A"), status: http.StatusUnauthorized}
			all["another region's host"] = login{authorization: basic("AWS", token), host: "123456789012.dkr.ecr.eu-west-1.example.com", status: http.StatusForbidden}
		}
	}
	return all
}
