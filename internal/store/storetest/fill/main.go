// Command fill writes what many pushes leave into a new database, for the tests that
// drive the binary: 100,000 images take seconds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nifuda/nifuda/internal/store/storetest"
)

func main() {
	load := storetest.Load{Account: "123456789012", Region: "us-east-1", Actor: "arn:aws:iam::123456789012:root"}
	database := flag.String("database", "", "the database, as nifuda serve takes it")
	flag.StringVar(&load.Repository, "repository", "app", "the repository that has all images")
	flag.IntVar(&load.Images, "images", 0, "how many images it has")
	flag.IntVar(&load.Repositories, "repositories", 0, "how many repositories there are beside it")
	flag.Parse()
	load.At = time.Now().Add(-24 * time.Hour).UnixMilli()
	if err := load.Into(context.Background(), *database); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}
