package webidentity

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	// freshFor is how long fetched keys are used without a look at the provider.
	freshFor = time.Hour
	// keptFor is how long they are used when the provider cannot be asked.
	keptFor = 24 * time.Hour
	// askEvery is how long a provider is left alone after it was asked, whatever
	// keys unknown to us tokens claim to be signed with.
	askEvery = 10 * time.Second

	// maxProviders bounds the cache; each entry is at most maxKeys keys.
	maxProviders = 1000
	maxKeys      = 100
	// maxKeySet is the longest document of keys in bytes.
	maxKeySet = 256 << 10

	// maxTried is how many keys a signature is tried with that names none, or one
	// that several have. Anybody may send tokens, and a provider be anybody's.
	maxTried = 8

	// minRSABits is the least modulus that signs tokens (RFC 7518, section 3.3).
	minRSABits = 2048
	// maxRSABits keeps a provider from making a verification expensive.
	maxRSABits = 8192
)

// A key is a public key of a provider that verifies signatures.
type key struct {
	id        string
	algorithm string // empty is any that fits
	public    any
}

// keys finds the keys of providers.
type keys struct {
	dir     string
	log     *slog.Logger
	now     func() time.Time
	fetch   func(ctx context.Context, p Provider) ([]key, error)
	flights singleflight.Group
	cached  *lru.Cache[string, fetched]
}

// fetched is what is known of a provider.
type fetched struct {
	keys    []key
	at      time.Time // of the last success
	asked   time.Time // of the last attempt
	failure error     // of the last attempt, for the caller
}

func newKeys(o Options) *keys {
	cached, err := lru.New[string, fetched](maxProviders)
	if err != nil {
		panic(err) // only for a size below one
	}
	f := &fetcher{hosts: o.Hosts, roots: o.Roots, now: o.Now}
	return &keys{dir: o.KeysDir, log: o.Log, now: o.Now, fetch: f.fetch, cached: cached}
}

// verify checks the signature of a token.
func (k *keys) verify(ctx context.Context, p Provider, signed *jose.JSONWebSignature) error {
	header := signed.Signatures[0].Protected
	found, err := k.find(ctx, p, header)
	if err != nil {
		return err
	}
	for _, candidate := range found[:min(len(found), maxTried)] {
		if _, err := signed.Verify(candidate.public); err == nil {
			return nil
		}
	}
	return refuse(CodeInvalidIdentityToken, "The signature of the token is not valid.")
}

// find returns the keys that may have made a signature: the one with the id
// that the signature names, or all of its algorithm where it names none.
func (k *keys) find(ctx context.Context, p Provider, header jose.Header) ([]key, error) {
	known, offline, err := k.offline(p.URL)
	if err != nil {
		return nil, err
	}
	if !offline {
		if known, err = k.known(ctx, p, header); err != nil {
			return nil, err
		}
	}
	if found := matching(known, header); len(found) > 0 {
		return found, nil
	}
	return nil, unknownKey()
}

func matching(keys []key, header jose.Header) []key {
	var found []key
	for _, candidate := range keys {
		if (header.KeyID == "" || candidate.id == header.KeyID) && candidate.signs(header.Algorithm) {
			found = append(found, candidate)
		}
	}
	return found
}

// signs reports whether the key is for an algorithm. The curve of an ECDSA key
// is left to the verification.
func (k key) signs(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS")
	case *ecdsa.PublicKey:
		return strings.HasPrefix(algorithm, "ES")
	}
	return false
}

// KeysFile returns the name of the file in [Options].KeysDir that holds a
// provider's keys as a JSON Web Key Set (RFC 7517): the URL without https://,
// each slash and each other special character but the colon percent-encoded,
// and .json. For https://gitlab.example.com it is gitlab.example.com.json.
func KeysFile(providerURL string) string {
	name := strings.TrimPrefix(trimSlash(providerURL), "https://")
	return strings.ReplaceAll(url.PathEscape(name), "%3A", ":") + ".json"
}

// offline reads the keys from the directory. The file is read each time: it is
// small, and new keys count at once.
func (k *keys) offline(providerURL string) (keys []key, ok bool, err error) {
	if k.dir == "" {
		return nil, false, nil
	}
	name := filepath.Join(k.dir, KeysFile(providerURL))
	text, err := readLimited(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err == nil {
		keys, err = parseKeys(text)
	}
	if err != nil {
		k.log.Error("file of keys of a web identity provider cannot be used", "provider", providerURL, "error", err)
		return nil, false, unreachable()
	}
	return keys, true, nil
}

func readLimited(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, maxKeySet)
}

// known returns the keys that a provider publishes. It is asked when what is
// remembered is old or lacks the key that is wanted, but never often; when it
// cannot be asked, what it said before counts for a while.
func (k *keys) known(ctx context.Context, p Provider, wanted jose.Header) ([]key, error) {
	id := p.cacheKey()
	now := k.now()
	entry, _ := k.cached.Get(id)
	fresh := now.Sub(entry.at) < freshFor && len(matching(entry.keys, wanted)) > 0
	if !fresh && now.Sub(entry.asked) >= askEvery {
		var err error
		if entry, err = k.ask(ctx, id, p); err != nil {
			return nil, err
		}
	}
	if len(entry.keys) == 0 || now.Sub(entry.at) >= keptFor {
		return nil, entry.failure
	}
	return entry.keys, nil
}

// ask asks a provider, once for all who wait for it. It goes on when one of
// them leaves; it ends by its own time limit.
func (k *keys) ask(ctx context.Context, id string, p Provider) (fetched, error) {
	answer := k.flights.DoChan(id, func() (any, error) {
		entry, _ := k.cached.Get(id)
		if k.now().Sub(entry.asked) < askEvery {
			return entry, nil // by a flight that has just landed
		}
		entry.asked = k.now()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		found, err := k.fetch(limited, p)
		if err != nil {
			k.log.WarnContext(ctx, "keys of a web identity provider cannot be fetched", "provider", p.URL, "error", err)
			entry.failure = explain(err)
		} else {
			entry.keys, entry.at, entry.failure = found, entry.asked, nil
		}
		k.cached.Add(id, entry)
		return entry, nil
	})
	select {
	case result := <-answer:
		return result.Val.(fetched), result.Err
	case <-ctx.Done():
		return fetched{}, ctx.Err()
	}
}

// cacheKey tells providers apart whose keys are found in different ways: what
// one account takes for a trust anchor is none in another.
func (p Provider) cacheKey() string {
	thumbprints := strings.Fields(strings.ToLower(strings.Join(p.Thumbprints, " ")))
	slices.Sort(thumbprints)
	return strings.Join(append([]string{trimSlash(p.URL)}, thumbprints...), " ")
}

// parseKeys reads a JSON Web Key Set (RFC 7517). Keys of other kinds and for
// other uses are left out, malformed ones as well: a set may hold what is not
// for us.
func parseKeys(text []byte) ([]key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("no set of keys: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, at most %d are read", len(set.Keys), maxKeys)
	}
	var found []key
	for _, raw := range set.Keys {
		var jwk jose.JSONWebKey
		if json.Unmarshal(raw, &jwk) != nil || jwk.Use != "" && jwk.Use != "sig" || !verifies(jwk.Key) {
			continue
		}
		found = append(found, key{id: jwk.KeyID, algorithm: jwk.Algorithm, public: jwk.Key})
	}
	if len(found) == 0 {
		return nil, errors.New("the set holds no key that verifies signatures")
	}
	return found, nil
}

// verifies reports whether a key is a public one that is good for signatures.
func verifies(public any) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return minRSABits <= bits && bits <= maxRSABits
	case *ecdsa.PublicKey:
		return true
	}
	return false
}
