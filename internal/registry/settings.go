package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// An AccountSetting is the name of a setting of a registry.
type AccountSetting string

// The account settings: ECR's (spec B.2, 39) and one of ours.
const (
	// BasicScanType is the scanner of basic scanning, of which there is one.
	BasicScanType AccountSetting = "BASIC_SCAN_TYPE_VERSION"
	// BlobMounting says whether a push may take layers from other repositories
	// of the registry. Unlike ECR's it is on from the start, as clients expect.
	BlobMounting AccountSetting = "BLOB_MOUNTING"
	// PolicyScope says what the registry's policy decides about: everything, or
	// in ScopeV1 only the three actions of replication and pull-through caches.
	PolicyScope AccountSetting = "REGISTRY_POLICY_SCOPE"
	// AnonymousPull lets callers who prove nothing pull where a policy allows
	// everyone to.
	AnonymousPull AccountSetting = "ANONYMOUS_PULL"
)

// The values of account settings.
const (
	Enabled  = "ENABLED"
	Disabled = "DISABLED"
	ScopeV1  = "V1"
	ScopeV2  = "V2"
)

// accountSettings holds the values of each setting, the default first.
var accountSettings = map[AccountSetting][]string{
	BasicScanType: {"AWS_NATIVE"},
	BlobMounting:  {Enabled, Disabled},
	PolicyScope:   {ScopeV2, ScopeV1},
	AnonymousPull: {Disabled, Enabled},
}

// AccountSetting returns what a setting of a registry is, set or not. An unknown
// name is refused with InvalidParameter.
func (r *Registry) AccountSetting(ctx context.Context, id ID, name AccountSetting) (value string, err error) {
	values, known := accountSettings[name]
	if !known {
		return "", unknownSetting()
	}
	p, err := r.protection(ctx, RepositoryName{Registry: id})
	if err != nil {
		return "", err
	}
	if set, ok := p.settings[name]; ok {
		return set, nil
	}
	return values[0], nil
}

// PutAccountSetting changes a setting of a registry. It refuses names and values
// that there are not with InvalidParameter, and so the scope V1 while the
// registry's policy reaches beyond it.
func (r *Registry) PutAccountSetting(ctx context.Context, id ID, name AccountSetting, value, actor string) error {
	values, known := accountSettings[name]
	if !known {
		return unknownSetting()
	}
	if !slices.Contains(values, value) {
		return InvalidParameter("value", "Member must satisfy enum value set: ["+strings.Join(slices.Sorted(slices.Values(values)), ", ")+"]")
	}
	defer r.protections.changeAll()()
	err := r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		if name == PolicyScope && value == ScopeV1 {
			if err := checkRegistryPolicyFits(ctx, tx, id); err != nil {
				return err
			}
		}
		now := r.millis()
		if err := tx.PutSetting(ctx, id.Account, id.Region, store.Setting(name), value, "", now); err != nil {
			return err
		}
		change := event.Change{Kind: event.AccountSettingChanged, Setting: string(name), Value: value}
		return recordChange(ctx, tx, RepositoryName{Registry: id}, actor, now, change)
	})
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	if err != nil {
		return fmt.Errorf("put account setting: %w", err)
	}
	return nil
}

// checkRegistryPolicyFits refuses to narrow the scope below what the policy says.
func checkRegistryPolicyFits(ctx context.Context, tx *store.Tx, id ID) error {
	text, err := tx.Setting(ctx, id.Account, id.Region, store.RegistryPolicy)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := iam.ParseRegistryPolicyV1(text); err != nil {
		return InvalidParameter("value", "The registry policy has actions that the scope V1 does not cover")
	}
	return nil
}

// scopeV1 are the actions that a registry policy of scope V1 decides about (spec 44).
var scopeV1 = []string{iam.ReplicateImage, iam.BatchImportUpstreamImage, iam.CreateRepository}

func inScopeV1(action string) bool {
	return slices.ContainsFunc(scopeV1, func(in string) bool { return strings.EqualFold(in, action) })
}

func unknownSetting() *Error {
	names := make([]string, 0, len(accountSettings))
	for name := range accountSettings {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return InvalidParameter("name", "Member must satisfy enum value set: ["+strings.Join(names, ", ")+"]")
}
