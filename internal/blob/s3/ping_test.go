package s3

import (
	"errors"
	"sync"
	"testing"

	"github.com/nifuda/nifuda/internal/bucket/buckettest"
)

// All nodes of an installation may start in the same moment.
func TestChecksOfSeveralNodesDoNotDisturbEachOther(t *testing.T) {
	server := buckettest.Start(t)
	const nodes, starts = 4, 10
	var all sync.WaitGroup
	failures := make([]error, nodes)
	for i := range nodes {
		s := openStore(t, server.URLAt(server.Address, prefixOf(t)))
		all.Go(func() {
			for range starts {
				failures[i] = errors.Join(failures[i], s.Check(t.Context()))
			}
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Error(err)
	}
}
