package nifudaapi

import (
	"cmp"
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// statisticsDays is how many days are shown when the request does not say.
const statisticsDays = 30

// DescribeRegistryStatistics implements [nifuda.Service]. It needs the permission on
// all repositories.
func (a *api) DescribeRegistryStatistics(ctx context.Context, in *nifuda.DescribeRegistryStatisticsRequest) (*nifuda.DescribeRegistryStatisticsResponse, error) {
	n, err := a.repository(ctx, iam.DescribeRegistryStatistics, in.RegistryId, "*", nil)
	if err != nil {
		return nil, err
	}
	s, err := a.Insight.Statistics(ctx, n.Registry, cmp.Or(int(value(in.PastDays)), statisticsDays))
	if err != nil {
		return nil, err
	}
	out := &nifuda.DescribeRegistryStatisticsResponse{
		RegistryId: n.Registry.Account, Repositories: s.Repositories, Images: s.Images,
		LogicalBytes: s.LogicalBytes, StoredBytes: s.StoredBytes, MeasuredAt: nifuda.Timestamp{Time: s.MeasuredAt},
		Days: make([]nifuda.RegistryDay, len(s.Days)), MostPulled: make([]nifuda.MostPulled, len(s.MostPulled)),
		NeverPulled: make([]nifuda.NeverPulled, len(s.NeverPulled)),
	}
	for i, d := range s.Days {
		out.Days[i] = nifuda.RegistryDay{Day: d.Day.Format(time.DateOnly), Pushes: d.Pushes, Pulls: d.Pulls}
	}
	for i, p := range s.MostPulled {
		out.MostPulled[i] = nifuda.MostPulled{RepositoryName: p.Name, Pulls: p.Pulls}
	}
	for i, image := range s.NeverPulled {
		out.NeverPulled[i] = nifuda.NeverPulled{
			RepositoryName: image.Repository, ImageDigest: image.Digest, ImageTags: orEmpty(image.Tags), Size: image.Size, PushedAt: nifuda.Timestamp{Time: image.PushedAt},
		}
	}
	return out, nil
}

// DescribeStorage implements [nifuda.Service]. Without a name it needs the
// permission on all repositories.
func (a *api) DescribeStorage(ctx context.Context, in *nifuda.DescribeStorageRequest) (*nifuda.DescribeStorageResponse, error) {
	n, err := a.repository(ctx, iam.DescribeStorage, in.RegistryId, cmp.Or(value(in.RepositoryName), "*"), nil)
	if err != nil {
		return nil, err
	}
	var s registry.Storage
	if in.RepositoryName != nil {
		s, err = a.Insight.ImageStorage(ctx, n)
	} else {
		s, err = a.Insight.Storage(ctx, n.Registry)
	}
	if err != nil {
		return nil, err
	}
	out := &nifuda.DescribeStorageResponse{
		RegistryId: n.Registry.Account, RepositoryName: value(in.RepositoryName), Items: make([]nifuda.StorageItem, len(s.Items)),
		OtherBytes: s.OtherBytes, MeasuredAt: nifuda.Timestamp{Time: s.MeasuredAt},
	}
	for i, item := range s.Items {
		out.Items[i] = storageItem(item)
	}
	return out, nil
}

func storageItem(item registry.StorageItem) nifuda.StorageItem {
	out := nifuda.StorageItem{RepositoryName: item.Repository, ImageDigest: item.Digest, ImageTags: item.Tags, Bytes: item.Bytes, UniqueBytes: item.Unique, Measured: &item.Measured}
	if item.Digest == "" {
		out.Images = &item.Images
	}
	return out
}
