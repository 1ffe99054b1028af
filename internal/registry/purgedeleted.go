package registry

import (
	"context"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

// purgeDeletedImages takes away for good up to limit deleted images whose window
// is over, in one transaction, has their layers looked at, and returns how many
// they were. Fewer than limit are all that there are for now. Of a purge and a
// restoration that meet, whoever has the row of the deletion first wins wholly.
func (r *Registry) purgeDeletedImages(ctx context.Context, limit int) (purged int, err error) {
	ids, err := r.store.ExpiredDeletions(ctx, r.restorableSince(), limit)
	if err != nil || len(ids) == 0 {
		return 0, wrap("find deleted images", err)
	}
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		return forgetDeletions(ctx, tx, ids, r.millis())
	})
	return len(ids), wrap("purge deleted images", err)
}

// forgetDeletions takes away what could be restored, and has the layers looked at.
func forgetDeletions(ctx context.Context, tx *store.Tx, ids []string, now int64) error {
	for _, id := range ids {
		// Before the row goes, which takes the list of its blobs along. To look at
		// the links of an image that was restored meanwhile does no harm.
		if err := tx.CheckLinksOfDeletion(ctx, id, now); err != nil {
			return err
		}
		if err := tx.ForgetPullsOfDeletion(ctx, id); err != nil {
			return err
		}
		if _, err := tx.ForgetDeletedImage(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// restorableSince is the time after which what was deleted can be restored, in
// Unix milliseconds.
func (r *Registry) restorableSince() int64 { return r.now().Add(-r.window).UnixMilli() }

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
