package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// measure runs a scenario on a server; with -profile, a CPU profile of nifuda
// is taken while it is under load.
func (s settings) measure(ctx context.Context, scenario scenario, on *server) (load, error) {
	if s.profile == "" || on.name != "nifuda" {
		return scenario.run(ctx, s, on)
	}
	var taken error
	var taking sync.WaitGroup
	on.underLoad = func() { taking.Go(func() { taken = s.takeProfile(ctx, scenario.name) }) }
	l, err := scenario.run(ctx, s, on)
	taking.Wait()
	return l, errors.Join(err, taken)
}

func (s settings) takeProfile(ctx context.Context, name string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", adminAddress, max(1, int(s.duration.Seconds())))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	f, err := os.Create(filepath.Join(s.profile, strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(name)+".pprof"))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, response.Body)
	return err
}
