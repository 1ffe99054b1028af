package main

import (
	"context"
	"fmt"
	"sync/atomic"
)

const apiConnections = 8

// anImage returns a manifest whose blobs are in a repository of the server.
// moto asks for no blob, so it gets none.
func anImage(on *server, repository string) (image, error) {
	if on.speaks(distribution) && on.name != "bare handler" {
		images, err := pushed(on, repository, 1)
		if err != nil {
			return image{}, err
		}
		return images[0], nil
	}
	if err := on.ensureRepository(repository); err != nil {
		return image{}, err
	}
	i := newImage(newRandom(0))
	c, err := dial(on)
	if err != nil {
		return image{}, err
	}
	defer c.Close()
	a, err := c.call(on, "PutImage", map[string]any{"repositoryName": repository, "imageManifest": string(i.manifest.bytes), "imageTag": "v0"})
	if a.status == 400 { // there from an earlier scenario
		return i, nil
	}
	return i, err
}

// repeat makes one signed call again and again on some connections.
func repeat(ctx context.Context, s settings, on *server, operation string, input func(worker, round int) any) (load, error) {
	return on.workers(ctx, apiConnections, s.duration, func(c *conn, worker, round int) error {
		_, err := c.call(on, operation, input(worker, round))
		return err
	})
}

func batchGetImage(ctx context.Context, s settings, on *server) (load, error) {
	if _, err := anImage(on, "api"); err != nil {
		return load{}, err
	}
	return repeat(ctx, s, on, "BatchGetImage", func(int, int) any {
		return map[string]any{"repositoryName": "api", "imageIds": []any{map[string]string{"imageTag": "v0"}}}
	})
}

func describeOne(ctx context.Context, s settings, on *server) (load, error) {
	if _, err := anImage(on, "api"); err != nil {
		return load{}, err
	}
	return repeat(ctx, s, on, "DescribeImages", func(int, int) any {
		return map[string]any{"repositoryName": "api", "imageIds": []any{map[string]string{"imageTag": "v0"}}}
	})
}

// putImage gives one image a new tag with each call, and a new image every
// hundred tags: an image may have a thousand.
func putImage(ctx context.Context, s settings, on *server) (load, error) {
	image, err := anImage(on, "put")
	if err != nil {
		return load{}, err
	}
	var n atomic.Int64
	return repeat(ctx, s, on, "PutImage", func(int, int) any {
		i := n.Add(1)
		manifest := fmt.Appendf(nil, "%s%*s", image.manifest.bytes, int(i/100)+1, "")
		return map[string]any{"repositoryName": "put", "imageManifest": string(manifest), "imageTag": fmt.Sprintf("p%d", i)}
	})
}

var created atomic.Int64

func createRepository(ctx context.Context, s settings, on *server) (load, error) {
	return repeat(ctx, s, on, "CreateRepository", func(int, int) any {
		return map[string]any{"repositoryName": fmt.Sprintf("created/%d", created.Add(1))}
	})
}

// pageSize is about how many bytes a page of DescribeImages has.
const pageSize = 350_000

// describeImages reads pages of a repository of 10,000 images. moto would take
// minutes to get them.
func describeImages(ctx context.Context, s settings, on *server) (load, error) {
	if on.name == "moto" {
		return load{}, errNotMeasured
	}
	if err := manyTags(on, 10_000); err != nil {
		return load{}, err
	}
	return on.workers(ctx, 1, s.duration, func(c *conn, _, _ int) error {
		c.extra = fmt.Sprintf("Bench-Size: %d\r\n", pageSize)
		a, err := c.call(on, "DescribeImages", map[string]any{"repositoryName": "many", "maxResults": 1000})
		if err == nil && a.length < pageSize*9/10 {
			err = fmt.Errorf("a page of %d bytes", a.length)
		}
		return err
	})
}
