package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// A scenario is one thing to measure.
type scenario struct {
	name     string
	protocol string // what a server must speak
	unit     string // of work; "" where the load is a value
	value    func(load) string
	run      func(ctx context.Context, s settings, on *server) (load, error)
}

// scenarios are in the order in which they run: later ones use what earlier
// ones have pushed only where they say so themselves.
var scenarios = []scenario{
	{name: "idle memory", protocol: distribution, value: mebibytes, run: idleMemory},
	{name: "start to first answer", protocol: distribution, value: milliseconds, run: startup},
	{name: "16 uploads of 64 MiB at once, peak memory", protocol: distribution, value: mebibytes, run: uploadMemory},
	{name: "small image push, 8 workers", protocol: distribution, unit: "image", run: pushSmall(8)},
	{name: "small image push, 1 worker", protocol: distribution, unit: "image", run: pushSmall(1)},
	{name: "small image pull, 16 workers", protocol: distribution, unit: "image", run: pullSmall},
	{name: "manifest GET by tag, 32 connections", protocol: distribution, unit: "request", run: readManifest("GET")},
	{name: "manifest HEAD by tag, 32 connections", protocol: distribution, unit: "request", run: readManifest("HEAD")},
	{name: "large layer push, PATCH as docker", protocol: distribution, unit: "MiB", run: pushLarge(sendAsDocker)},
	{name: "large layer push, one PUT", protocol: distribution, unit: "MiB", run: pushLarge(sendInOnePut)},
	{name: "large layer push, 16 MiB chunks", protocol: distribution, unit: "MiB", run: pushLarge(sendInChunks)},
	{name: "large layer pull, 1 connection", protocol: distribution, unit: "MiB", run: pullLarge(1)},
	{name: "large layer pull, 8 connections", protocol: distribution, unit: "MiB", run: pullLarge(8)},
	{name: "64 MiB layer into 20 repositories", protocol: distribution, value: copies, run: pushTwenty},
	{name: "tags/list of 10,000 tags", protocol: ecrAPI, unit: "list", run: listTags},
	{name: "ECR DescribeImages, 1,000 a page", protocol: ecrAPI, unit: "page", run: describeImages},
	{name: "ECR BatchGetImage", protocol: ecrAPI, unit: "call", run: batchGetImage},
	{name: "ECR DescribeImages of one", protocol: ecrAPI, unit: "call", run: describeOne},
	{name: "ECR PutImage", protocol: ecrAPI, unit: "call", run: putImage},
	{name: "ECR CreateRepository", protocol: ecrAPI, unit: "call", run: createRepository},
	{name: "fsync calls for one small image", protocol: distribution, value: calls, run: countSyncs},
}

func mebibytes(l load) string    { return number(l.value/(1<<20)) + " MiB" }
func milliseconds(l load) string { return number(l.value) + " ms" }
func copies(l load) string       { return fmt.Sprintf("stored %s times", number(l.value)) }
func calls(l load) string        { return number(l.value) }

// pushSmall pushes images that share nothing.
func pushSmall(workers int) func(context.Context, settings, *server) (load, error) {
	return func(ctx context.Context, s settings, on *server) (load, error) {
		if err := on.ensureRepository("small"); err != nil {
			return load{}, err
		}
		random := make([]*rand.ChaCha8, workers)
		for worker := range random {
			random[worker] = newRandom(worker)
		}
		return on.workers(ctx, workers, s.duration, func(c *conn, worker, round int) error {
			return c.pushImage("small", fmt.Sprintf("v%d-%d-%d", workers, worker, round), newImage(random[worker]))
		})
	}
}

// pushed pushes some images and returns them; their tags are v0, v1, ….
func pushed(on *server, repository string, n int) ([]image, error) {
	if err := on.ensureRepository(repository); err != nil {
		return nil, err
	}
	c, err := dial(on)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	random := newRandom(0)
	images := make([]image, n)
	for i := range images {
		images[i] = newImage(random)
		if err := c.pushImage(repository, fmt.Sprintf("v%d", i), images[i]); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func pullSmall(ctx context.Context, s settings, on *server) (load, error) {
	images, err := pushed(on, "pull", 50)
	if err != nil {
		return load{}, err
	}
	return on.workers(ctx, 16, s.duration, func(c *conn, worker, round int) error {
		i := (worker*7 + round) % len(images)
		return c.pullImage("pull", fmt.Sprintf("v%d", i), images[i])
	})
}

func readManifest(method string) func(context.Context, settings, *server) (load, error) {
	return func(ctx context.Context, s settings, on *server) (load, error) {
		if _, err := pushed(on, "manifest", 1); err != nil {
			return load{}, err
		}
		return on.workers(ctx, 32, s.duration, func(c *conn, _, _ int) error {
			a, err := c.do(method, "/v2/manifest/manifests/v0", "Accept: "+manifestType+"\r\n", nil)
			if err == nil {
				err = a.want(200)
			}
			return err
		})
	}
}

// listTags reads all tags, in pages where the server makes them. Peers would
// take minutes to get that many.
func listTags(ctx context.Context, s settings, on *server) (load, error) {
	if on.name == "moto" {
		return load{}, errNotMeasured
	}
	if err := manyTags(on, 10_000); err != nil {
		return load{}, err
	}
	size := fmt.Sprintf("Bench-Size: %d\r\n", 10_000*len(`"v0000",`))
	return on.workers(ctx, 1, s.duration, func(c *conn, _, _ int) error {
		var bytes int64
		for path := "/v2/many/tags/list?n=10000"; path != ""; {
			a, err := c.do("GET", path, size, nil)
			if err == nil {
				err = a.want(200)
			}
			if err != nil {
				return err
			}
			bytes += a.length
			path = a.next
		}
		if bytes < 10_000*4 {
			return fmt.Errorf("a list of %d bytes", bytes)
		}
		return nil
	})
}

// manyTags makes the repository "many" with that many images of one tag each,
// unless it is there. The bare handler needs none.
func manyTags(on *server, n int) error {
	if on.name == "bare handler" {
		return nil
	}
	if err := on.ensureRepository("many"); err != nil {
		return err
	}
	c, err := dial(on)
	if err != nil {
		return err
	}
	defer c.Close()
	if a, err := c.do("HEAD", fmt.Sprintf("/v2/many/manifests/v%d", n-1), "Accept: "+manifestType+"\r\n", nil); err != nil || a.status == 200 {
		return err
	}
	layer := newImage(newRandom(0)).blobs[1]
	if err := c.pushBlob("many", layer); err != nil {
		return err
	}
	const workers = 8
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	for range workers {
		wg.Go(func() {
			c, err := dial(on)
			if err != nil {
				errs <- err
				return
			}
			defer c.Close()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				config := newBlob(fmt.Appendf(nil, `{"n":%d}`, i))
				err := c.pushBlob("many", config)
				if err == nil {
					err = c.pushManifest("many", fmt.Sprintf("v%d", i), newBlob(newManifest([]blob{config, layer})))
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// countSyncs counts the calls that make one image durable, pushed alone.
func countSyncs(_ context.Context, _ settings, on *server) (load, error) {
	if on.engines != nil {
		return load{}, errNotMeasured // PostgreSQL makes it durable
	}
	if err := on.ensureRepository("synced"); err != nil {
		return load{}, err
	}
	trace, err := startTrace(on)
	if err != nil {
		return load{}, err
	}
	_, err = pushed(on, "synced", 1)
	n, traceErr := trace.end()
	if err == nil {
		err = traceErr
	}
	return load{value: float64(n)}, err
}

func idleMemory(_ context.Context, _ settings, on *server) (load, error) {
	resident, err := on.memory("VmRSS")
	return load{value: float64(resident)}, err
}

// startup starts the server again, on data that is there.
func startup(ctx context.Context, _ settings, on *server) (load, error) {
	on.halt()
	if err := on.launch(ctx); err != nil {
		return load{}, err
	}
	return load{value: on.startup.Seconds() * 1000}, nil
}

// stored is how many bytes the files in the server's directory have.
func (s *server) stored() (total int64, err error) {
	err = filepath.WalkDir(s.dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
