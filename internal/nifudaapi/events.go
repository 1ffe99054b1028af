package nifudaapi

import (
	"cmp"
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// consolePage is how many entries a page has that is made to be looked at, when the
// request does not say.
const consolePage = 50

func consolePageSize(maxResults *int32) int { return cmp.Or(int(value(maxResults)), consolePage) }

// ListEvents implements [nifuda.Service]. Without a name it needs the permission on
// all repositories. Of a repository that is gone there are events too.
func (a *api) ListEvents(ctx context.Context, in *nifuda.ListEventsRequest) (*nifuda.ListEventsResponse, error) {
	n, err := a.repository(ctx, iam.ListEvents, in.RegistryId, cmp.Or(value(in.RepositoryName), "*"), nil)
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	filter := registry.EventFilter{
		Repository: value(in.RepositoryName), Name: value(in.EventName), Actor: value(in.PrincipalArn),
		From: timeOf(in.From), To: timeOf(in.To), NewerThan: value(in.NewerThan),
	}
	events, next, err := a.Insight.Events(ctx, n.Registry, filter, after, consolePageSize(in.MaxResults))
	if err != nil {
		return nil, foreignOr(err)
	}
	out := &nifuda.ListEventsResponse{RegistryId: n.Registry.Account, Events: make([]nifuda.RegistryEvent, len(events)), NextToken: token(next)}
	for i, e := range events {
		out.Events[i] = nifuda.RegistryEvent{
			EventId: e.ID, EventTime: nifuda.Timestamp{Time: e.At}, EventName: e.Name, PrincipalArn: e.Actor, Detail: e.Detail,
			RepositoryName: e.Repository, ImageDigest: e.Digest, ImageTag: e.Tag,
		}
	}
	return out, nil
}

// timeOf is the time that a request names, or zero.
func timeOf(at *nifuda.Timestamp) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.Time
}
