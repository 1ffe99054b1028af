package kmsapi

import (
	"context"
	"strconv"

	"github.com/nifuda/nifuda/internal/awskms"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/kms"
)

// EnableKeyRotation implements [awskms.Service].
func (a *api) EnableKeyRotation(ctx context.Context, in *awskms.EnableKeyRotationRequest) error {
	days := kms.DefaultRotationDays
	if in.RotationPeriodInDays != nil {
		days = int(*in.RotationPeriodInDays)
	}
	id, err := a.managed(ctx, iam.EnableKeyRotation, in.KeyId, iam.Keys{"kms:rotationperiodindays": {strconv.Itoa(days)}})
	if err != nil {
		return err
	}
	return a.keys.SetRotation(ctx, id, days)
}

// DisableKeyRotation implements [awskms.Service].
func (a *api) DisableKeyRotation(ctx context.Context, in *awskms.DisableKeyRotationRequest) error {
	id, err := a.managed(ctx, iam.DisableKeyRotation, in.KeyId, nil)
	if err != nil {
		return err
	}
	return a.keys.SetRotation(ctx, id, 0)
}

// GetKeyRotationStatus implements [awskms.Service].
func (a *api) GetKeyRotationStatus(ctx context.Context, in *awskms.GetKeyRotationStatusRequest) (*awskms.GetKeyRotationStatusResponse, error) {
	id, err := a.anyones(ctx, iam.GetKeyRotationStatus, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	key, err := a.keys.Describe(ctx, id)
	if err != nil {
		return nil, err
	}
	rotates := !key.RotatesAt.IsZero() && key.State != kms.PendingDeletion
	out := &awskms.GetKeyRotationStatusResponse{KeyId: key.ID, KeyRotationEnabled: &rotates}
	if rotates {
		out.NextRotationDate = awskms.Timestamp{Time: key.RotatesAt}
		out.RotationPeriodInDays = new(int32(key.RotationDays))
	}
	return out, nil
}

// RotateKeyOnDemand implements [awskms.Service]. The key is rotated when it
// returns.
func (a *api) RotateKeyOnDemand(ctx context.Context, in *awskms.RotateKeyOnDemandRequest) (*awskms.RotateKeyOnDemandResponse, error) {
	id, err := a.managed(ctx, iam.RotateKeyOnDemand, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	if err := a.keys.Rotate(ctx, id); err != nil {
		return nil, err
	}
	return &awskms.RotateKeyOnDemandResponse{KeyId: id.ID}, nil
}
