package nifudaapi

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/verify"
)

// A Verifier reads everything that is stored. [verify.Verifier] is one.
type Verifier interface {
	// Start begins a verification, at a rate in bytes per second or that of the
	// scrub. It refuses with [verify.ErrRunning].
	Start(ctx context.Context, rate *int64, repair bool) (verify.Work, error)
	// Stop ends the one that runs. It refuses with [verify.ErrNotRunning].
	Stop(ctx context.Context) (verify.Work, error)
	// Status returns the one that runs or ran last, and the scrub; nil is none.
	Status(ctx context.Context) (verification, scrub *verify.Work, err error)
}

// StartVerification implements [nifuda.Service].
func (a *api) StartVerification(ctx context.Context, in *nifuda.StartVerificationRequest) (*nifuda.StartVerificationResponse, error) {
	if err := a.authorize(ctx, "nifuda:StartVerification", "*", a.Home); err != nil {
		return nil, err
	}
	started, err := a.Verifier.Start(ctx, in.Rate, value(in.Repair))
	if errors.Is(err, verify.ErrRunning) {
		return nil, nifuda.VerificationInProgressException("A verification is running already")
	}
	if err != nil {
		return nil, err
	}
	return &nifuda.StartVerificationResponse{Verification: verificationShape(&started)}, nil
}

// StopVerification implements [nifuda.Service].
func (a *api) StopVerification(ctx context.Context, _ *nifuda.StopVerificationRequest) (*nifuda.StopVerificationResponse, error) {
	if err := a.authorize(ctx, "nifuda:StopVerification", "*", a.Home); err != nil {
		return nil, err
	}
	stopped, err := a.Verifier.Stop(ctx)
	if errors.Is(err, verify.ErrNotRunning) {
		return nil, nifuda.VerificationNotRunningException("No verification is running")
	}
	if err != nil {
		return nil, err
	}
	return &nifuda.StopVerificationResponse{Verification: verificationShape(&stopped)}, nil
}

// DescribeVerification implements [nifuda.Service].
func (a *api) DescribeVerification(ctx context.Context, _ *nifuda.DescribeVerificationRequest) (*nifuda.DescribeVerificationResponse, error) {
	if err := a.authorize(ctx, "nifuda:DescribeVerification", "*", a.Home); err != nil {
		return nil, err
	}
	verification, scrub, err := a.Verifier.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &nifuda.DescribeVerificationResponse{Verification: verificationShape(verification), Scrub: verificationShape(scrub)}, nil
}

func verificationShape(w *verify.Work) *nifuda.Verification {
	if w == nil {
		return nil
	}
	r := w.Report
	out := &nifuda.Verification{
		Status: nifuda.VerificationStatusComplete, Rate: w.Rate, Repair: w.Repair, Step: w.Step, Failure: w.Failure,
		StartedAt: nifuda.Timestamp{Time: w.StartedAt}, EndedAt: nifuda.Timestamp{Time: w.EndedAt}, LastCompletedAt: nifuda.Timestamp{Time: w.CompletedAt},
		Blobs: r.Blobs, Manifests: r.Manifests, Tags: r.Tags, Links: r.Links, Files: r.Files, Bytes: r.Bytes, Damage: r.Damage(),
		Counts: []nifuda.FindingCount{}, Findings: []nifuda.Finding{},
	}
	switch {
	case w.Running:
		out.Status = nifuda.VerificationStatusRunning
	case w.Failure != "":
		out.Status = nifuda.VerificationStatusFailed
	}
	for _, kind := range r.Kinds() {
		out.Counts = append(out.Counts, nifuda.FindingCount{Kind: string(kind), Count: r.Found[kind], Repaired: r.Repaired[kind]})
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, findingShape(f))
	}
	return out
}

func findingShape(f verify.Finding) nifuda.Finding {
	out := nifuda.Finding{
		Kind: string(f.Kind), Problem: f.Problem, Damage: f.Kind.Damage(), Digest: f.Digest, Location: f.Location, Repaired: f.Repaired,
	}
	for _, p := range f.Places {
		out.Places = append(out.Places, nifuda.FindingPlace{
			RepositoryArn: p.Repository, ImageDigest: p.Image, ImageTag: p.Tag, RepositoryDeleted: &p.Deleted,
		})
	}
	return out
}
