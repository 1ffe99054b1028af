package registry

import "context"

// PurgeDeletedImages is what the collector calls.
func (r *Registry) PurgeDeletedImages(ctx context.Context, limit int) (purged int, err error) {
	return r.purgeDeletedImages(ctx, limit)
}
