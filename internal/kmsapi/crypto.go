package kmsapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// algorithm is the one that symmetric keys have.
const algorithm = awskms.EncryptionAlgorithmSpecSymmetricDefault

// algorithmConditions tell which algorithm a request uses.
func algorithmConditions() iam.Keys { return iam.Keys{"kms:encryptionalgorithm": {algorithm}} }

// checkAlgorithm refuses those of other kinds of keys.
func checkAlgorithm(name *string) error {
	if name != nil && *name != algorithm {
		return refuse(kms.CodeInvalidKeyUsage, "Algorithm "+*name+" is incompatible with key spec "+awskms.KeySpecSymmetricDefault+".")
	}
	return nil
}

// checkRecipient refuses the attestation of an enclave: there is none here.
func checkRecipient(recipient *awskms.RecipientInfo) error {
	if recipient != nil {
		return refuse(kms.CodeUnsupportedOperation, "Recipient is not supported.")
	}
	return nil
}

// Encrypt implements [awskms.Service].
func (a *api) Encrypt(ctx context.Context, in *awskms.EncryptRequest) (*awskms.EncryptResponse, error) {
	id, err := a.used(ctx, use{iam.Encrypt, in.KeyId, in.EncryptionContext, in.GrantTokens, algorithmConditions()})
	if err == nil {
		err = checkAlgorithm(in.EncryptionAlgorithm)
	}
	if err != nil {
		return nil, err
	}
	sealed, err := a.keys.Encrypt(ctx, id, in.Plaintext, in.EncryptionContext)
	if err := orDryRun(err, in.DryRun); err != nil {
		return nil, err
	}
	return &awskms.EncryptResponse{KeyId: id.ARN(), CiphertextBlob: sealed.Ciphertext, EncryptionAlgorithm: algorithm}, nil
}

// orDryRun answers a request that has succeeded and was not meant.
func orDryRun(err error, dryRun *bool) error {
	if err == nil && value(dryRun) {
		return kms.DryRun()
	}
	return err
}

// Decrypt implements [awskms.Service].
func (a *api) Decrypt(ctx context.Context, in *awskms.DecryptRequest) (*awskms.DecryptResponse, error) {
	for _, err := range []error{checkRecipient(in.Recipient), checkModifiers(in.DryRunModifiers)} {
		if err != nil {
			return nil, err
		}
	}
	id, err := a.opener(ctx, use{iam.Decrypt, value(in.KeyId), in.EncryptionContext, in.GrantTokens, algorithmConditions()}, in.CiphertextBlob)
	if err == nil {
		err = checkAlgorithm(in.EncryptionAlgorithm)
	}
	if err != nil {
		return nil, err
	}
	opened, err := a.keys.Decrypt(ctx, id, in.CiphertextBlob, in.EncryptionContext)
	if err := orDryRun(err, in.DryRun); err != nil {
		return nil, err
	}
	return &awskms.DecryptResponse{KeyId: id.ARN(), Plaintext: opened.Plaintext, EncryptionAlgorithm: algorithm, KeyMaterialId: opened.MaterialID}, nil
}

// checkModifiers refuses a test run that looks at no ciphertext.
func checkModifiers(modifiers []string) error {
	if len(modifiers) > 0 {
		return refuse(kms.CodeUnsupportedOperation, "DryRunModifiers are not supported.")
	}
	return nil
}

// opener returns the key to decrypt something with, if the caller may: the one
// that the request names, or else the one that the ciphertext names.
func (a *api) opener(ctx context.Context, u use, ciphertext []byte) (kms.KeyID, error) {
	if len(ciphertext) == 0 {
		return kms.KeyID{}, refuse(kms.CodeValidation, "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null")
	}
	if u.key != "" {
		return a.used(ctx, u)
	}
	id, err := a.keys.KeyOf(ctx, callerOf(ctx).Region, ciphertext)
	if err != nil {
		return id, err
	}
	return id, a.usedByID(ctx, u, id)
}

// ReEncrypt implements [awskms.Service].
func (a *api) ReEncrypt(ctx context.Context, in *awskms.ReEncryptRequest) (*awskms.ReEncryptResponse, error) {
	if err := checkModifiers(in.DryRunModifiers); err != nil {
		return nil, err
	}
	from, err := a.opener(ctx, use{iam.ReEncryptFrom, value(in.SourceKeyId), in.SourceEncryptionContext, in.GrantTokens, algorithmConditions()}, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	to, err := a.used(ctx, use{iam.ReEncryptTo, in.DestinationKeyId, in.DestinationEncryptionContext, in.GrantTokens, algorithmConditions()})
	for _, name := range []*string{in.SourceEncryptionAlgorithm, in.DestinationEncryptionAlgorithm} {
		if err == nil {
			err = checkAlgorithm(name)
		}
	}
	if err != nil {
		return nil, err
	}
	opened, err := a.keys.Decrypt(ctx, from, in.CiphertextBlob, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	sealed, err := a.keys.Encrypt(ctx, to, opened.Plaintext, in.DestinationEncryptionContext)
	if err := orDryRun(err, in.DryRun); err != nil {
		return nil, err
	}
	return &awskms.ReEncryptResponse{
		CiphertextBlob: sealed.Ciphertext, SourceKeyId: from.ARN(), KeyId: to.ARN(),
		SourceEncryptionAlgorithm: algorithm, DestinationEncryptionAlgorithm: algorithm,
		SourceKeyMaterialId: opened.MaterialID, DestinationKeyMaterialId: sealed.MaterialID,
	}, nil
}

// GenerateDataKey implements [awskms.Service].
func (a *api) GenerateDataKey(ctx context.Context, in *awskms.GenerateDataKeyRequest) (*awskms.GenerateDataKeyResponse, error) {
	if err := checkRecipient(in.Recipient); err != nil {
		return nil, err
	}
	id, key, err := a.dataKey(ctx, use{iam.GenerateDataKey, in.KeyId, in.EncryptionContext, in.GrantTokens, algorithmConditions()}, in.KeySpec, in.NumberOfBytes)
	if err := orDryRun(err, in.DryRun); err != nil {
		return nil, err
	}
	return &awskms.GenerateDataKeyResponse{KeyId: id.ARN(), Plaintext: key.Plaintext, CiphertextBlob: key.Ciphertext, KeyMaterialId: key.MaterialID}, nil
}

// GenerateDataKeyWithoutPlaintext implements [awskms.Service].
func (a *api) GenerateDataKeyWithoutPlaintext(ctx context.Context, in *awskms.GenerateDataKeyWithoutPlaintextRequest) (*awskms.GenerateDataKeyWithoutPlaintextResponse, error) {
	id, key, err := a.dataKey(ctx, use{iam.GenerateDataKeyWithoutPlaintext, in.KeyId, in.EncryptionContext, in.GrantTokens, algorithmConditions()}, in.KeySpec, in.NumberOfBytes)
	if err := orDryRun(err, in.DryRun); err != nil {
		return nil, err
	}
	return &awskms.GenerateDataKeyWithoutPlaintextResponse{KeyId: id.ARN(), CiphertextBlob: key.Ciphertext, KeyMaterialId: key.MaterialID}, nil
}

func (a *api) dataKey(ctx context.Context, u use, spec *string, bytes *int32) (kms.KeyID, kms.DataKey, error) {
	id, err := a.used(ctx, u)
	if err != nil {
		return id, kms.DataKey{}, err
	}
	size, err := dataKeySize(spec, bytes)
	if err != nil {
		return id, kms.DataKey{}, err
	}
	key, err := a.keys.GenerateDataKey(ctx, id, size, u.context)
	return id, key, err
}

// dataKeySize is how many bytes a request asks for, in one of two ways.
func dataKeySize(spec *string, bytes *int32) (int, error) {
	switch {
	case (spec == nil) == (bytes == nil):
		return 0, refuse(kms.CodeValidation, "Please specify either number of bytes or key spec.")
	case bytes != nil:
		return int(*bytes), nil
	case *spec == awskms.DataKeySpecAes128:
		return 16, nil
	default:
		return 32, nil
	}
}
