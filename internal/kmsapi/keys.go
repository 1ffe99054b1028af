package kmsapi

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// CreateKey implements [awskms.Service]. With tags it also needs the permission
// to tag.
func (a *api) CreateKey(ctx context.Context, in *awskms.CreateKeyRequest) (*awskms.CreateKeyResponse, error) {
	further := tagConditions(in.Tags)
	maps.Copy(further, lockoutConditions(in.BypassPolicyLockoutSafetyCheck))
	for key, v := range map[string]string{
		"kms:keyspec":  cmp.Or(value(in.KeySpec), value(in.CustomerMasterKeySpec), awskms.KeySpecSymmetricDefault),
		"kms:keyusage": cmp.Or(value(in.KeyUsage), awskms.KeyUsageTypeEncryptDecrypt), "kms:keyorigin": cmp.Or(value(in.Origin), awskms.OriginTypeAwsKms),
		"kms:multiregion": strconv.FormatBool(value(in.MultiRegion)),
	} {
		further[key] = []string{v}
	}
	home, err := a.authorizeAtHome(ctx, iam.CreateKey, further)
	if err == nil && len(in.Tags) > 0 {
		_, err = a.authorizeAtHome(ctx, iam.TagKey, further)
	}
	if err == nil {
		err = checkKind(in)
	}
	if err != nil {
		return nil, err
	}
	var principals iam.Pins
	if in.Policy != nil {
		// It is a key that does not exist yet, so that nothing else is known of it.
		unmade := kms.KeyID{Place: home, ID: "00000000-0000-0000-0000-000000000000"}
		if principals, err = a.checkPolicy(ctx, unmade, *in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
	}
	key, err := a.keys.CreateKey(ctx, kms.NewKey{
		Place: home, Description: value(in.Description), Policy: value(in.Policy), Principals: principals, Tags: keyTags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &awskms.CreateKeyResponse{KeyMetadata: metadata(key)}, nil
}

// checkKind refuses all but symmetric keys whose material is made here.
func checkKind(in *awskms.CreateKeyRequest) error {
	spec := value(in.KeySpec)
	switch {
	case in.KeySpec != nil && in.CustomerMasterKeySpec != nil:
		return refuse(kms.CodeValidation, "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	case in.KeySpec == nil:
		spec = cmp.Or(value(in.CustomerMasterKeySpec), awskms.KeySpecSymmetricDefault)
	}
	usage := cmp.Or(value(in.KeyUsage), awskms.KeyUsageTypeEncryptDecrypt)
	origin := cmp.Or(value(in.Origin), awskms.OriginTypeAwsKms)
	switch {
	case spec != awskms.KeySpecSymmetricDefault && in.KeyUsage == nil:
		return refuse(kms.CodeValidation, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	case spec == awskms.KeySpecSymmetricDefault && usage != awskms.KeyUsageTypeEncryptDecrypt:
		return refuse(kms.CodeValidation, "The operation failed because the KeyUsage value of the KMS key must be ENCRYPT_DECRYPT for KeySpec "+spec+".")
	case spec != awskms.KeySpecSymmetricDefault:
		return refuse(kms.CodeUnsupportedOperation, "Keys with the KeySpec "+spec+" are not supported: this service has symmetric encryption keys.")
	case in.CustomKeyStoreId != nil || in.XksKeyId != nil:
		return refuse(kms.CodeUnsupportedOperation, "Custom key stores are not supported.")
	case origin != awskms.OriginTypeAwsKms:
		return refuse(kms.CodeUnsupportedOperation, "Keys with the Origin "+origin+" are not supported: key material is made by this service.")
	case value(in.MultiRegion):
		return refuse(kms.CodeUnsupportedOperation, "Multi-Region keys are not supported.")
	}
	return nil
}

func refuse(code kms.Code, message string) error { return &kms.Error{Code: code, Message: message} }

// DescribeKey implements [awskms.Service].
func (a *api) DescribeKey(ctx context.Context, in *awskms.DescribeKeyRequest) (*awskms.DescribeKeyResponse, error) {
	id, err := a.used(ctx, use{action: iam.DescribeKey, key: in.KeyId, grantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	key, err := a.keys.Describe(ctx, id)
	if err != nil {
		return nil, err
	}
	return &awskms.DescribeKeyResponse{KeyMetadata: metadata(key)}, nil
}

// metadata is a key in the API's shape.
func metadata(key kms.Key) *awskms.KeyMetadata {
	m := &awskms.KeyMetadata{
		AWSAccountId: key.Account, KeyId: key.ID, Arn: key.ARN(), CreationDate: awskms.Timestamp{Time: key.CreatedAt},
		Enabled: new(key.State == kms.Enabled), Description: key.Description, KeyUsage: awskms.KeyUsageTypeEncryptDecrypt,
		KeyState: string(key.State), Origin: awskms.OriginTypeAwsKms, KeyManager: string(key.Manager),
		CustomerMasterKeySpec: awskms.KeySpecSymmetricDefault, KeySpec: awskms.KeySpecSymmetricDefault,
		EncryptionAlgorithms: []string{awskms.EncryptionAlgorithmSpecSymmetricDefault}, MultiRegion: new(false),
		CurrentKeyMaterialId: key.MaterialID,
	}
	if !key.DeletesAt.IsZero() {
		m.DeletionDate = awskms.Timestamp{Time: key.DeletesAt}
	}
	return m
}

// ListKeys implements [awskms.Service].
func (a *api) ListKeys(ctx context.Context, in *awskms.ListKeysRequest) (*awskms.ListKeysResponse, error) {
	home, err := a.authorizeAtHome(ctx, iam.ListKeys, nil)
	if err != nil {
		return nil, err
	}
	keys, next, err := a.keys.Keys(ctx, home, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	out := &awskms.ListKeysResponse{Keys: make([]awskms.KeyListEntry, len(keys)), NextMarker: next, Truncated: new(next != "")}
	for i, key := range keys {
		out.Keys[i] = awskms.KeyListEntry{KeyId: key.ID, KeyArn: key.ARN()}
	}
	return out, nil
}

func page(limit *int32, marker *string) kms.Page {
	return kms.Page{Limit: int(value(limit)), Marker: value(marker)}
}

// UpdateKeyDescription implements [awskms.Service].
func (a *api) UpdateKeyDescription(ctx context.Context, in *awskms.UpdateKeyDescriptionRequest) error {
	id, err := a.managed(ctx, iam.UpdateKeyDescription, in.KeyId, nil)
	if err != nil {
		return err
	}
	return a.keys.SetDescription(ctx, id, value(in.Description))
}

// EnableKey implements [awskms.Service].
func (a *api) EnableKey(ctx context.Context, in *awskms.EnableKeyRequest) error {
	id, err := a.managed(ctx, iam.EnableKey, in.KeyId, nil)
	if err != nil {
		return err
	}
	return a.keys.Enable(ctx, id)
}

// DisableKey implements [awskms.Service].
func (a *api) DisableKey(ctx context.Context, in *awskms.DisableKeyRequest) error {
	id, err := a.managed(ctx, iam.DisableKey, in.KeyId, nil)
	if err != nil {
		return err
	}
	return a.keys.Disable(ctx, id)
}

// ScheduleKeyDeletion implements [awskms.Service].
func (a *api) ScheduleKeyDeletion(ctx context.Context, in *awskms.ScheduleKeyDeletionRequest) (*awskms.ScheduleKeyDeletionResponse, error) {
	days := kms.DefaultDeletionDays
	if in.PendingWindowInDays != nil {
		days = int(*in.PendingWindowInDays)
	}
	id, err := a.managed(ctx, iam.ScheduleKeyDeletion, in.KeyId, iam.Keys{"kms:schedulekeydeletionpendingwindowindays": {strconv.Itoa(days)}})
	if err != nil {
		return nil, err
	}
	key, err := a.keys.ScheduleDeletion(ctx, id, days)
	if err != nil {
		return nil, err
	}
	return &awskms.ScheduleKeyDeletionResponse{
		KeyId: key.ARN(), DeletionDate: awskms.Timestamp{Time: key.DeletesAt}, KeyState: string(key.State), PendingWindowInDays: new(int32(key.DeletionWindow)),
	}, nil
}

// CancelKeyDeletion implements [awskms.Service].
func (a *api) CancelKeyDeletion(ctx context.Context, in *awskms.CancelKeyDeletionRequest) (*awskms.CancelKeyDeletionResponse, error) {
	id, err := a.managed(ctx, iam.CancelKeyDeletion, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	key, err := a.keys.CancelDeletion(ctx, id)
	if err != nil {
		return nil, err
	}
	return &awskms.CancelKeyDeletionResponse{KeyId: key.ARN()}, nil
}

// GetKeyPolicy implements [awskms.Service].
func (a *api) GetKeyPolicy(ctx context.Context, in *awskms.GetKeyPolicyRequest) (*awskms.GetKeyPolicyResponse, error) {
	id, err := a.managed(ctx, iam.GetKeyPolicy, in.KeyId, nil)
	if err == nil {
		err = checkPolicyName(in.PolicyName)
	}
	if err != nil {
		return nil, err
	}
	policy, err := a.keys.Policy(ctx, id)
	if err != nil {
		return nil, err
	}
	return &awskms.GetKeyPolicyResponse{Policy: policy, PolicyName: policyName}, nil
}

// policyName is that of the one policy that a key has.
const policyName = "default"

func checkPolicyName(name *string) error {
	if name != nil && *name != policyName {
		return refuse(kms.CodeNotFound, "No such policy exists")
	}
	return nil
}

// ListKeyPolicies implements [awskms.Service].
func (a *api) ListKeyPolicies(ctx context.Context, in *awskms.ListKeyPoliciesRequest) (*awskms.ListKeyPoliciesResponse, error) {
	id, err := a.managed(ctx, iam.ListKeyPolicies, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	if _, err := a.keys.Describe(ctx, id); err != nil {
		return nil, err
	}
	return &awskms.ListKeyPoliciesResponse{PolicyNames: []string{policyName}, Truncated: new(false)}, nil
}

// PutKeyPolicy implements [awskms.Service].
func (a *api) PutKeyPolicy(ctx context.Context, in *awskms.PutKeyPolicyRequest) error {
	id, err := a.managed(ctx, iam.PutKeyPolicy, in.KeyId, lockoutConditions(in.BypassPolicyLockoutSafetyCheck))
	if err == nil {
		err = checkPolicyName(in.PolicyName)
	}
	if err == nil {
		_, err = a.keys.Describe(ctx, id)
	}
	if err != nil {
		return err
	}
	principals, err := a.checkPolicy(ctx, id, in.Policy, in.BypassPolicyLockoutSafetyCheck)
	if err != nil {
		return err
	}
	return a.keys.SetPolicy(ctx, id, in.Policy, principals)
}

// checkPolicy returns the ids of the principals that a key policy names. It refuses
// one that names nobody who exists, and one that would keep the caller from setting
// another.
func (a *api) checkPolicy(ctx context.Context, id kms.KeyID, policy string, bypass *bool) (iam.Pins, error) {
	document, err := kms.ParsePolicy(policy)
	if err != nil {
		return nil, err
	}
	question := a.keys.Question(kms.Use{Principal: callerOf(ctx).Principal, Action: iam.PutKeyPolicy, Key: kms.Reference{KeyID: id}})
	question.Granted = nil
	principals, err := a.authorizer.CheckKeyPolicy(ctx, a.completed(ctx, question, lockoutConditions(bypass)), document, value(bypass))
	if _, ok := errors.AsType[*iam.PolicyError](err); ok {
		return nil, refuse(kms.CodeMalformedPolicy, "Policy contains a statement with one or more invalid principals.")
	}
	if _, ok := errors.AsType[*iam.DeniedError](err); ok {
		return nil, refuse(kms.CodeMalformedPolicy, "The new key policy will not allow you to update the key policy in the future.")
	}
	return principals, err
}
