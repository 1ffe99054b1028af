package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// An Account is a namespace of identities and registries, isolated from all
// others. Its root user may do everything in it.
type Account struct {
	// ID is 12 digits.
	ID string
	// Name is for people; may be empty.
	Name string
	// Alias is unique in the installation; empty is none.
	Alias     string
	CreatedAt time.Time
}

func accountOf(row store.Account) Account {
	return Account{ID: row.ID, Name: row.Name, Alias: row.Alias, CreatedAt: fromMillis(row.CreatedAt)}
}

func validAccountID(id string) bool {
	if len(id) != 12 {
		return false
	}
	for _, c := range []byte(id) {
		if c < '0' || '9' < c {
			return false
		}
	}
	return true
}

func (s *Identities) ensureAccount(ctx context.Context, id string) error {
	if !validAccountID(id) {
		return fmt.Errorf("%q is no account of 12 digits", id)
	}
	if _, err := s.store.Account(ctx, id); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.InsertAccount(ctx, store.Account{ID: id, Settings: "{}", CreatedAt: s.millis()})
		return err
	})
}

// These many random ids are tried before giving up: one in 10^12 is taken.
const idTries = 10

// CreateAccount makes an account and its root's access key. An empty id is a
// random one that is unused. It refuses with InvalidInput or EntityAlreadyExists.
func (s *Identities) CreateAccount(ctx context.Context, id, name string) (Account, NewAccessKey, error) {
	random := id == ""
	if !random && !validAccountID(id) {
		return Account{}, NewAccessKey{}, refuse(CodeInvalidInput, "Account id %q must be 12 digits.", id)
	}
	for range idTries {
		if random {
			id = randomAccountID()
		}
		account, key, err := s.createAccount(ctx, id, name)
		if !random || !IsRefusal(err, CodeEntityAlreadyExists) {
			return account, key, err
		}
	}
	return Account{}, NewAccessKey{}, errors.New("found no unused account id")
}

func (s *Identities) createAccount(ctx context.Context, id, name string) (Account, NewAccessKey, error) {
	row := store.Account{ID: id, Name: name, Settings: "{}", CreatedAt: s.millis()}
	key := s.newAccessKey(id, id)
	defer s.versions.change(id)()
	err := s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		inserted, err := tx.InsertAccount(ctx, row)
		if err != nil {
			return fmt.Errorf("insert account: %w", err)
		}
		if !inserted {
			return refuse(CodeEntityAlreadyExists, "The account with id %s already exists.", id)
		}
		if err := tx.InsertAccessKey(ctx, key.row); err != nil {
			return fmt.Errorf("insert root's access key: %w", err)
		}
		return nil
	})
	if err != nil {
		return Account{}, NewAccessKey{}, err
	}
	return accountOf(row), key.shown(""), nil
}

func randomAccountID() string {
	n, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
	if err != nil {
		panic(err) // rand.Reader never fails
	}
	return n.Add(n, big.NewInt(100_000_000_000)).String()
}

// Account returns an account, or refuses with NoSuchEntity.
func (s *Identities) Account(ctx context.Context, id string) (Account, error) {
	row, err := s.store.Account(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, accountNotFound(id)
	}
	return accountOf(row), err
}

// Accounts returns a page of the accounts, in the order of their ids.
func (s *Identities) Accounts(ctx context.Context, p Page) (accounts []Account, next string, err error) {
	rows, next, err := paginate(p, func(a store.Account) string { return a.ID }, func(after string, limit int) ([]store.Account, error) {
		return s.store.Accounts(ctx, after, limit)
	})
	for _, row := range rows {
		accounts = append(accounts, accountOf(row))
	}
	return accounts, next, err
}

// SetAlias gives an account an alias, instead of the one it has. It refuses
// with EntityAlreadyExists where another account has it.
func (s *Identities) SetAlias(ctx context.Context, account, alias string) error {
	err := s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetAccountAlias(ctx, account, alias)
	})
	if store.IsUnique(err) {
		return refuse(CodeEntityAlreadyExists, "The account alias %s already exists.", alias)
	}
	return err
}

// RemoveAlias takes an account's alias away, or refuses with NoSuchEntity.
func (s *Identities) RemoveAlias(ctx context.Context, account, alias string) error {
	return s.change(ctx, account, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.Account(ctx, account)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		if row.Alias != alias {
			return refuse(CodeNoSuchEntity, "The account alias with name %s cannot be found.", alias)
		}
		return tx.SetAccountAlias(ctx, account, "")
	})
}

// Summary returns how many entities of each kind an account has, the quotas,
// and how many access keys its root has there, by the names of GetAccountSummary.
func (s *Identities) Summary(ctx context.Context, account string) (map[string]int, error) {
	summary := map[string]int{
		"AccessKeysPerUserQuota":        MaxAccessKeys,
		"AttachedPoliciesPerGroupQuota": MaxAttachedPolicies,
		"AttachedPoliciesPerRoleQuota":  MaxAttachedPolicies,
		"AttachedPoliciesPerUserQuota":  MaxAttachedPolicies,
		"GroupPolicySizeQuota":          inlineLimit[Group],
		"GroupsPerUserQuota":            MaxGroups,
		"RolePolicySizeQuota":           inlineLimit[Role],
		"UserPolicySizeQuota":           inlineLimit[User],
		"VersionsPerPolicyQuota":        MaxPolicyVersions,
		"PolicySizeQuota":               MaxManagedPolicy,
		"AssumeRolePolicySizeQuota":     maxTrustPolicy,
		"AccountMFAEnabled":             0,
		"MFADevices":                    0,
		"MFADevicesInUse":               0,
	}
	for kind, name := range map[Kind]string{User: "Users", Group: "Groups", Role: "Roles", Policy: "Policies", OIDCProvider: "Providers"} {
		limit := kinds[kind].limit
		count, err := s.store.CountIdentities(ctx, account, string(kind), limit)
		if err != nil {
			return nil, fmt.Errorf("count %s entities: %w", kind, err)
		}
		summary[name] = count
		if kind != OIDCProvider {
			summary[name+"Quota"] = limit
		}
	}
	keys, err := s.store.AccessKeys(ctx, account, account, "", 1)
	if err != nil {
		return nil, fmt.Errorf("read root's access keys: %w", err)
	}
	summary["AccountAccessKeysPresent"] = len(keys)
	return summary, nil
}
