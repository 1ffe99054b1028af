package registry

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/lifecycle"
	"github.com/nifuda/nifuda/internal/store"
)

// A LifecyclePolicy is the text that a user set, and when it was last acted on.
type LifecyclePolicy struct {
	Text        string
	EvaluatedAt time.Time // zero is never
}

// A PolicyCheck looks at what the text of a policy does not tell, and returns the
// ids of the principals that it names. It refuses
// with an [*iam.PolicyError] a policy whose principals do not exist, and with an
// [*iam.DeniedError] one that would keep its caller from setting it again.
type PolicyCheck func(ctx context.Context, policy *iam.Document) (iam.Pins, error)

// SetRepositoryPolicy sets a repository's policy, byte for byte. A text that is
// no policy, or that the check does not let pass, is refused with
// InvalidParameter.
func (r *Registry) SetRepositoryPolicy(ctx context.Context, n RepositoryName, text string, check PolicyCheck, actor string) error {
	policy, err := iam.ParseRepositoryPolicy(text)
	var pins iam.Pins
	if err == nil {
		pins, err = check(ctx, policy)
	}
	if err != nil {
		return r.orRepositoryNotFound(ctx, n, explainPolicy(err, "Invalid repository policy provided"))
	}
	defer r.protections.change(n)()
	return r.putDocument(ctx, n, store.RepositoryPolicy, text, pins, actor)
}

// explainPolicy tells why a policy is not taken.
func explainPolicy(err error, invalid string) error {
	if _, ok := errors.AsType[*iam.PolicyError](err); ok {
		return InvalidParameter("PolicyText", invalid)
	}
	if _, ok := errors.AsType[*iam.DeniedError](err); ok {
		return InvalidParameter("PolicyText", "The policy would keep you from setting the repository policy again; use force to set it all the same")
	}
	return fmt.Errorf("check policy: %w", err)
}

// RepositoryPolicy returns a repository's policy, or refuses with
// RepositoryPolicyNotFound.
func (r *Registry) RepositoryPolicy(ctx context.Context, n RepositoryName) (text string, err error) {
	d, err := r.document(ctx, n, store.RepositoryPolicy)
	return d.Text, err
}

// DeleteRepositoryPolicy removes a repository's policy and returns it.
func (r *Registry) DeleteRepositoryPolicy(ctx context.Context, n RepositoryName, actor string) (text string, err error) {
	defer r.protections.change(n)()
	d, err := r.deleteDocument(ctx, n, store.RepositoryPolicy, actor)
	return d.Text, err
}

// The model bounds the text of PutLifecyclePolicy, and the templates that share
// the validation do not.
const minLifecycleText, maxLifecycleText = 100, 30720

// PutLifecyclePolicy sets a repository's lifecycle policy, byte for byte, or
// refuses a text that is none with InvalidParameter.
func (r *Registry) PutLifecyclePolicy(ctx context.Context, n RepositoryName, text, actor string) error {
	switch length := utf8.RuneCountInString(text); {
	case length < minLifecycleText:
		return r.orRepositoryNotFound(ctx, n, InvalidParameter("LifecyclePolicyText", fmt.Sprintf("Member must have length greater than or equal to %d", minLifecycleText)))
	case length > maxLifecycleText:
		return r.orRepositoryNotFound(ctx, n, InvalidParameter("LifecyclePolicyText", fmt.Sprintf("Member must have length less than or equal to %d", maxLifecycleText)))
	}
	if _, err := lifecycle.Parse(text); err != nil {
		return r.orRepositoryNotFound(ctx, n, &Error{Code: CodeInvalidParameter, Message: err.Error()})
	}
	return r.putDocument(ctx, n, store.LifecyclePolicy, text, nil, actor)
}

// LifecyclePolicy returns a repository's lifecycle policy, or refuses with
// LifecyclePolicyNotFound.
func (r *Registry) LifecyclePolicy(ctx context.Context, n RepositoryName) (LifecyclePolicy, error) {
	d, err := r.document(ctx, n, store.LifecyclePolicy)
	return lifecyclePolicyOf(d), err
}

// DeleteLifecyclePolicy removes a repository's lifecycle policy and returns it.
func (r *Registry) DeleteLifecyclePolicy(ctx context.Context, n RepositoryName, actor string) (LifecyclePolicy, error) {
	d, err := r.deleteDocument(ctx, n, store.LifecyclePolicy, actor)
	return lifecyclePolicyOf(d), err
}

func lifecyclePolicyOf(d store.Document) LifecyclePolicy {
	p := LifecyclePolicy{Text: d.Text}
	if d.EvaluatedAt != 0 {
		p.EvaluatedAt = time.UnixMilli(d.EvaluatedAt)
	}
	return p
}

// documentKinds are how events call what happens to documents.
var documentKinds = map[store.DocumentKind]struct{ set, deleted event.Kind }{
	store.RepositoryPolicy: {event.RepositoryPolicySet, event.RepositoryPolicyDeleted},
	store.LifecyclePolicy:  {event.LifecyclePolicySet, event.LifecyclePolicyDeleted},
}

func (r *Registry) putDocument(ctx context.Context, n RepositoryName, kind store.DocumentKind, text string, pins iam.Pins, actor string) error {
	err := r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.LockRepository(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		if err != nil {
			return err
		}
		if err := tx.PutDocument(ctx, row.ID, kind, text, pins.Text()); err != nil {
			return err
		}
		return recordChange(ctx, tx, n, actor, r.millis(), event.Change{Kind: documentKinds[kind].set})
	})
	return r.explain("set policy of", n, err)
}

func (r *Registry) document(ctx context.Context, n RepositoryName, kind store.DocumentKind) (store.Document, error) {
	id, err := r.repositoryID(ctx, n)
	if err != nil {
		return store.Document{}, err
	}
	d, err := r.store.Document(ctx, id, kind)
	if errors.Is(err, store.ErrNotFound) {
		return store.Document{}, documentNotFound(n, kind)
	}
	return d, r.explain("read policy of", n, err)
}

func (r *Registry) deleteDocument(ctx context.Context, n RepositoryName, kind store.DocumentKind, actor string) (d store.Document, err error) {
	err = r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.LockRepository(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		if err != nil {
			return err
		}
		d, err = tx.Document(ctx, row.ID, kind)
		if errors.Is(err, store.ErrNotFound) {
			return documentNotFound(n, kind)
		}
		if err != nil {
			return err
		}
		if err := tx.DeleteDocument(ctx, row.ID, kind); err != nil {
			return err
		}
		return recordChange(ctx, tx, n, actor, r.millis(), event.Change{Kind: documentKinds[kind].deleted})
	})
	return d, r.explain("delete policy of", n, err)
}

func documentNotFound(n RepositoryName, kind store.DocumentKind) *Error {
	if kind == store.LifecyclePolicy {
		return refuse(CodeLifecyclePolicyNotFound, "Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", n.Name, n.Registry.Account)
	}
	return refuse(CodeRepositoryPolicyNotFound, "Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", n.Name, n.Registry.Account)
}

// PutRegistryPolicy sets a registry's policy, byte for byte. A text that is no
// policy, goes beyond the registry's scope of policies, or that the check does
// not let pass, is refused with InvalidParameter.
func (r *Registry) PutRegistryPolicy(ctx context.Context, id ID, text string, check PolicyCheck, actor string) error {
	const invalid = "Invalid registry policy provided"
	policy, err := iam.ParseRegistryPolicy(text)
	var pins iam.Pins
	if err == nil {
		pins, err = check(ctx, policy)
	}
	if err != nil {
		return explainPolicy(err, invalid)
	}
	defer r.protections.changeAll()()
	err = r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		scope, err := tx.Setting(ctx, id.Account, id.Region, store.Setting(PolicyScope))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if scope == ScopeV1 {
			if _, err := iam.ParseRegistryPolicyV1(text); err != nil {
				return InvalidParameter("PolicyText", invalid)
			}
		}
		now := r.millis()
		if err := tx.PutSetting(ctx, id.Account, id.Region, store.RegistryPolicy, text, pins.Text(), now); err != nil {
			return err
		}
		return recordChange(ctx, tx, RepositoryName{Registry: id}, actor, now, event.Change{Kind: event.RegistryPolicySet})
	})
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	if err != nil {
		return fmt.Errorf("put registry policy: %w", err)
	}
	return nil
}

// RegistryPolicy returns a registry's policy, or refuses with
// RegistryPolicyNotFound.
func (r *Registry) RegistryPolicy(ctx context.Context, id ID) (text string, err error) {
	text, err = r.store.Setting(ctx, id.Account, id.Region, store.RegistryPolicy)
	return text, explainRegistryPolicy(id, err)
}

// DeleteRegistryPolicy removes a registry's policy and returns it.
func (r *Registry) DeleteRegistryPolicy(ctx context.Context, id ID, actor string) (text string, err error) {
	defer r.protections.changeAll()()
	err = r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		if text, err = tx.Setting(ctx, id.Account, id.Region, store.RegistryPolicy); err != nil {
			return err
		}
		if err := tx.DeleteSetting(ctx, id.Account, id.Region, store.RegistryPolicy); err != nil {
			return err
		}
		return recordChange(ctx, tx, RepositoryName{Registry: id}, actor, r.millis(), event.Change{Kind: event.RegistryPolicyDeleted})
	})
	return text, explainRegistryPolicy(id, err)
}

func explainRegistryPolicy(id ID, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return refuse(CodeRegistryPolicyNotFound, "Registry policy does not exist in the registry with id '%s'", id.Account)
	}
	return fmt.Errorf("registry policy: %w", err)
}
