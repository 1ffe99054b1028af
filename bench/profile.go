package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// measure runs a scenario on a server; with -profile, a CPU profile of nifuda
// is taken beside it.
func (s settings) measure(ctx context.Context, scenario scenario, on *server) (load, error) {
	if s.profile == "" || on.name != "nifuda" || scenario.unit == "" {
		return scenario.run(ctx, s, on)
	}
	done := make(chan error, 1)
	go func() { done <- s.takeProfile(ctx, scenario.name) }()
	l, err := scenario.run(ctx, s, on)
	if profileErr := <-done; err == nil {
		err = profileErr
	}
	return l, err
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
