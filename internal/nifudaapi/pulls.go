package nifudaapi

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// DescribePullStatistics implements [nifuda.Service].
func (a *api) DescribePullStatistics(ctx context.Context, in *nifuda.DescribePullStatisticsRequest) (*nifuda.DescribePullStatisticsResponse, error) {
	var tags imageTags
	if in.ImageTag != nil {
		tags = tagOf(*in.ImageTag)
	}
	n, err := a.repository(ctx, iam.DescribePullStatistics, in.RegistryId, in.RepositoryName, tags)
	if err != nil {
		return nil, err
	}
	asked, err := askedPulls(n, in)
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	total, days, next, err := a.Repositories.PullStatistics(ctx, asked, after, pageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.DescribePullStatisticsResponse{
		RegistryId: n.Registry.Account, RepositoryName: n.Name, ImageTag: asked.Tag, ImageDigest: asked.Digest,
		Pulls: total.Pulls, Days: []nifuda.PullDay{}, NextToken: token(next),
	}
	if !total.Last.IsZero() {
		out.LastPulledAt = nifuda.Timestamp{Time: total.Last}
	}
	for _, d := range days {
		out.Days = append(out.Days, nifuda.PullDay{Day: d.Day.Format(time.DateOnly), Pulls: d.Pulls, LastPulledAt: nifuda.Timestamp{Time: d.Last}})
	}
	return out, nil
}

func askedPulls(n registry.RepositoryName, in *nifuda.DescribePullStatisticsRequest) (asked registry.PullStatistics, err error) {
	asked = registry.PullStatistics{Repository: n, Tag: value(in.ImageTag), Digest: value(in.ImageDigest)}
	if in.ImageTag != nil && in.ImageDigest != nil {
		return asked, registry.InvalidParameter("ImageTag", "must not be given together with ImageDigest")
	}
	if asked.From, err = dayOf("FromDay", in.FromDay); err != nil {
		return asked, err
	}
	if asked.To, err = dayOf("ToDay", in.ToDay); err != nil {
		return asked, err
	}
	if !asked.To.IsZero() && asked.To.Before(asked.From) {
		return asked, registry.InvalidParameter("ToDay", "must not be before FromDay")
	}
	return asked, nil
}

// dayOf is the day that a member names.
func dayOf(member string, day *string) (time.Time, error) {
	if day == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, *day)
	if err != nil || at.Year() < 1970 {
		return time.Time{}, registry.InvalidParameter(member, "must be a day of the calendar since 1970, such as 2026-11-28")
	}
	return at, nil
}
