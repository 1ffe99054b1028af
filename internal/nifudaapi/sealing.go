package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// DescribeSealing implements [nifuda.Service].
func (a *api) DescribeSealing(ctx context.Context, _ *nifuda.DescribeSealingRequest) (*nifuda.DescribeSealingResponse, error) {
	if err := a.authorize(ctx, "nifuda:DescribeSealing", "*", a.Home); err != nil {
		return nil, err
	}
	state, err := a.Sealing.Sealing(ctx)
	if err != nil {
		return nil, err
	}
	return &nifuda.DescribeSealingResponse{Sealing: sealingShape(state)}, nil
}

// RotateSealingKey implements [nifuda.Service].
func (a *api) RotateSealingKey(ctx context.Context, _ *nifuda.RotateSealingKeyRequest) (*nifuda.RotateSealingKeyResponse, error) {
	if err := a.authorize(ctx, "nifuda:RotateSealingKey", "*", a.Home); err != nil {
		return nil, err
	}
	if err := a.Sealing.RotateSealingKey(ctx); err != nil {
		return nil, err
	}
	state, err := a.Sealing.Sealing(ctx)
	if err != nil {
		return nil, err
	}
	return &nifuda.RotateSealingKeyResponse{Sealing: sealingShape(state)}, nil
}

// RetireSealingKey implements [nifuda.Service].
func (a *api) RetireSealingKey(ctx context.Context, in *nifuda.RetireSealingKeyRequest) (*nifuda.RetireSealingKeyResponse, error) {
	if err := a.authorize(ctx, "nifuda:RetireSealingKey", "*", a.Home); err != nil {
		return nil, err
	}
	if err := a.Sealing.RetireSealingKey(ctx, in.KeyId); err != nil {
		return nil, err
	}
	state, err := a.Sealing.Sealing(ctx)
	if err != nil {
		return nil, err
	}
	return &nifuda.RetireSealingKeyResponse{Sealing: sealingShape(state)}, nil
}

func sealingShape(s registry.SealingState) *nifuda.Sealing {
	return &nifuda.Sealing{
		Enabled: s.Seals, KeyIds: s.Keys, UnsealedBlobs: s.Unsealed, Rewrapped: s.Rewrapped, FailedDataKeys: int32(s.Failed),
	}
}
