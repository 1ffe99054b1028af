package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/store"
)

// A Mutability says which tags of a repository may be moved to another image.
type Mutability string

// The modes of tag mutability (spec B.0, Mutability).
const (
	Mutable                Mutability = "MUTABLE"
	Immutable              Mutability = "IMMUTABLE"
	MutableWithExclusion   Mutability = "MUTABLE_WITH_EXCLUSION"
	ImmutableWithExclusion Mutability = "IMMUTABLE_WITH_EXCLUSION"
)

// A TagMutability is a mode, and in the modes with exclusion the wildcard
// filters of the tags that it does not hold for, in the user's order.
type TagMutability struct {
	Mode       Mutability
	Exclusions []string
}

// MayMove reports whether a tag that exists may be pointed at another image.
func (m TagMutability) MayMove(tag string) bool {
	excluded := slices.ContainsFunc(m.Exclusions, func(filter string) bool { return manifest.TagFilter(filter).Match(tag) })
	switch m.Mode {
	case Immutable:
		return false
	case ImmutableWithExclusion:
		return excluded
	case MutableWithExclusion:
		return !excluded
	default:
		return true
	}
}

// validate applies spec B.0 (ExclFilters) and operation 7.
func (m TagMutability) validate() error {
	const parameter = "imageTagMutabilityExclusionFilters"
	withExclusion := m.Mode == MutableWithExclusion || m.Mode == ImmutableWithExclusion
	switch {
	case withExclusion && len(m.Exclusions) == 0:
		return InvalidParameter(parameter, fmt.Sprintf("ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as %s", m.Mode))
	case !withExclusion && len(m.Exclusions) > 0:
		return InvalidParameter(parameter, fmt.Sprintf("ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as %s", m.Mode))
	case len(m.Exclusions) > 5:
		return InvalidParameter(parameter, "Member must have length less than or equal to 5")
	}
	for _, filter := range m.Exclusions {
		if strings.Count(filter, "*") > 2 {
			return InvalidParameter(parameter, fmt.Sprintf("Filter '%s' must not have more than 2 wildcards (*)", filter))
		}
		if !manifest.ValidTagFilter(filter) {
			return InvalidParameter(parameter, "Member must satisfy regular expression pattern: ^[0-9a-zA-Z._*-]{1,128}$")
		}
	}
	return nil
}

// An Encryption says how a repository's blobs are sealed at rest.
type Encryption struct {
	Type   string // AES256, KMS or KMS_DSSE
	KMSKey string // ARN, with KMS and KMS_DSSE
}

// The types of encryption.
const (
	AES256  = "AES256"   // under the server's keys; of a repository that asks for none
	KMS     = "KMS"      // under a KMS key
	KMSDSSE = "KMS_DSSE" // under a KMS key, and again under the server's keys
)

// A Repository is a named set of images.
type Repository struct {
	RepositoryName
	ID         string // UUIDv7; another one when a repository is made anew
	CreatedAt  time.Time
	Mutability TagMutability
	ScanOnPush bool
	Encryption Encryption
}

// A NewRepository is a repository to create. Zero values mean ECR's defaults.
type NewRepository struct {
	RepositoryName
	Mutability TagMutability
	ScanOnPush bool
	Encryption Encryption
	Tags       []ResourceTag
	Actor      string // the caller's ARN
}

// CreateRepository creates a repository with its resource tags, or refuses
// with InvalidParameter, InvalidTagParameter, TooManyTags, Kms, LimitExceeded or
// RepositoryAlreadyExists.
func (r *Registry) CreateRepository(ctx context.Context, in NewRepository) (Repository, error) {
	if in.Mutability.Mode == "" {
		in.Mutability.Mode = Mutable
	}
	if err := in.Mutability.validate(); err != nil {
		return Repository{}, err
	}
	if err := validateResourceTags(in.Tags); err != nil {
		return Repository{}, err
	}
	if in.Encryption.Type == "" {
		in.Encryption.Type = AES256
	}
	if in.Encryption.Type == AES256 && in.Encryption.KMSKey != "" {
		return Repository{}, InvalidParameter("encryptionConfiguration", "Invalid encryption configuration: Encryption key should not be set for AES256 encryption.")
	}
	filters, err := json.Marshal(in.Mutability.Exclusions)
	if err != nil {
		return Repository{}, fmt.Errorf("encode exclusion filters: %w", err)
	}
	limits, err := r.limits.of(ctx, r.store, in.Registry.Account, "")
	if err != nil {
		return Repository{}, err
	}
	keeper := Keeper{RepositoryID: newID(), Repository: in.RepositoryName, Encryption: in.Encryption}
	var key *RepositoryKey
	if keeper.Encryption, key, err = r.establish(ctx, keeper); err != nil {
		return Repository{}, err
	}
	row := store.Repository{
		ID: keeper.RepositoryID, Account: in.Registry.Account, Region: in.Registry.Region, Name: in.Name,
		Mutability: string(in.Mutability.Mode), MutabilityFilters: string(filters), ScanOnPush: in.ScanOnPush,
		Encryption: keeper.Encryption.Type, KMSKey: keeper.Encryption.KMSKey, CreatedAt: r.millis(),
	}
	err = r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertRepository(ctx, row); err != nil {
			return err
		}
		if err := checkRepositories(ctx, tx, in.Registry, limits); err != nil {
			return err
		}
		if err := key.put(ctx, tx, row.ID); err != nil {
			return err
		}
		for _, t := range in.Tags {
			if err := tx.PutResourceTag(ctx, row.ID, store.ResourceTag(t)); err != nil {
				return err
			}
		}
		return recordChange(ctx, tx, in.RepositoryName, in.Actor, row.CreatedAt, event.Change{Kind: event.RepositoryCreated})
	})
	if err != nil {
		r.unestablish(ctx, keeper, key)
	}
	if store.IsUnique(err) {
		return Repository{}, repositoryAlreadyExists(in.RepositoryName)
	}
	if err != nil {
		return Repository{}, fmt.Errorf("create repository: %w", err)
	}
	return repositoryOf(row)
}

// Repository returns a repository, or refuses with RepositoryNotFound.
func (r *Registry) Repository(ctx context.Context, n RepositoryName) (Repository, error) {
	row, err := r.store.Repository(ctx, n.Registry.Account, n.Registry.Region, n.Name)
	if errors.Is(err, store.ErrNotFound) {
		return Repository{}, repositoryNotFound(n)
	}
	if err != nil {
		return Repository{}, fmt.Errorf("read repository: %w", err)
	}
	return repositoryOf(row)
}

// Repositories returns the registry's repositories with a name after the given
// one, in byte order, at most limit.
func (r *Registry) Repositories(ctx context.Context, id ID, after string, limit int) ([]Repository, error) {
	rows, err := r.store.Repositories(ctx, id.Account, id.Region, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	all := make([]Repository, len(rows))
	for i, row := range rows {
		if all[i], err = repositoryOf(row); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// DeleteRepository deletes a repository and returns it as it was. One that
// holds images is refused with RepositoryNotEmpty unless force. However much it
// holds, that takes no time: it is taken apart later, when it cannot be restored
// any more. The grants of its KMS key are retired; that they cannot be keeps no
// repository.
func (r *Registry) DeleteRepository(ctx context.Context, n RepositoryName, force bool, actor string) (Repository, error) {
	defer r.repositoryIDs.change(n)()
	defer r.protections.change(n)()
	var row store.Repository
	var key store.RepositoryKey
	err := r.update(ctx, n, func(ctx context.Context, tx *store.Tx) (err error) {
		row, err = tx.LockRepository(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		if err != nil {
			return err
		}
		holds, err := tx.HasImages(ctx, row.ID)
		if err != nil {
			return err
		}
		if holds && !force {
			return refuse(CodeRepositoryNotEmpty, "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", n.Name, n.Registry.Account)
		}
		if row.KMSKey != "" {
			if key, err = tx.RepositoryKey(ctx, row.ID); err != nil {
				return err
			}
		}
		now := r.millis()
		if err := tx.HideRepository(ctx, row, actor, now); err != nil {
			return err
		}
		if err := recordChange(ctx, tx, n, actor, now, event.Change{Kind: event.RepositoryDeleted}); err != nil {
			return err
		}
		return r.wantCollection(ctx, tx)
	})
	if err != nil {
		return Repository{}, r.explain("delete repository", n, err)
	}
	deleted, err := repositoryOf(row)
	if k := keeperOf(deleted); !k.isServer() {
		r.release(ctx, k, RepositoryKey(key))
	}
	return deleted, err
}

// SetTagMutability changes which tags may move from now on.
func (r *Registry) SetTagMutability(ctx context.Context, n RepositoryName, m TagMutability, actor string) error {
	if err := m.validate(); err != nil {
		return err
	}
	filters, err := json.Marshal(m.Exclusions)
	if err != nil {
		return fmt.Errorf("encode exclusion filters: %w", err)
	}
	change := event.Change{Kind: event.TagMutabilityChanged, Value: string(m.Mode), Exclusions: m.Exclusions}
	return r.changeRepository(ctx, n, actor, change, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return tx.SetMutability(ctx, n.Registry.Account, n.Registry.Region, n.Name, string(m.Mode), string(filters))
	})
}

// SetScanOnPush changes whether images are scanned when they arrive.
func (r *Registry) SetScanOnPush(ctx context.Context, n RepositoryName, scan bool, actor string) error {
	change := event.Change{Kind: event.ScanningChanged, Value: strconv.FormatBool(scan)}
	return r.changeRepository(ctx, n, actor, change, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return tx.SetScanOnPush(ctx, n.Registry.Account, n.Registry.Region, n.Name, scan)
	})
}

func (r *Registry) changeRepository(ctx context.Context, n RepositoryName, actor string, change event.Change, set func(context.Context, *store.Tx) (bool, error)) error {
	err := r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		exists, err := set(ctx, tx)
		if err == nil && !exists {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return recordChange(ctx, tx, n, actor, r.millis(), change)
	})
	return r.explain("change repository", n, err)
}

// orRepositoryNotFound returns a refusal about what was sent, unless there is
// no repository to send it to, which is said first (spec A.4).
func (r *Registry) orRepositoryNotFound(ctx context.Context, n RepositoryName, refusal error) error {
	if _, err := r.repositoryID(ctx, n); err != nil {
		return err
	}
	return refusal
}

// explain turns the error of a transaction on a repository into what the
// caller is told: a missing row means that there is no such repository.
func (r *Registry) explain(doing string, n RepositoryName, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrNotFound) {
		return repositoryNotFound(n)
	}
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	return fmt.Errorf("%s %s: %w", doing, n.ARN(), err)
}

func repositoryOf(row store.Repository) (Repository, error) {
	m := TagMutability{Mode: Mutability(row.Mutability)}
	if err := json.Unmarshal([]byte(row.MutabilityFilters), &m.Exclusions); err != nil {
		return Repository{}, fmt.Errorf("exclusion filters of repository %s: %w", row.ID, err)
	}
	return Repository{
		RepositoryName: RepositoryName{Registry: ID{Account: row.Account, Region: row.Region}, Name: row.Name},
		ID:             row.ID,
		CreatedAt:      time.UnixMilli(row.CreatedAt),
		Mutability:     m,
		ScanOnPush:     row.ScanOnPush,
		Encryption:     Encryption{Type: row.Encryption, KMSKey: row.KMSKey},
	}, nil
}

func (r *Registry) millis() int64 { return r.now().UnixMilli() }

// newID returns a UUIDv7: ids made later sort later.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
