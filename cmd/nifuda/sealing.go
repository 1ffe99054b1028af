package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nifuda/nifuda/internal/nifuda"
)

type sealing struct {
	Status describeSealing  `cmd:"" help:"Tell how far the blobs are sealed at rest, and with which keys."`
	Rotate rotateSealingKey `cmd:"" help:"Make a new key the current one of the key ring. Blobs are not written again."`
	Retire retireSealingKey `cmd:"" help:"Take a key that nothing depends on any more off the key ring."`
}

type describeSealing struct{ apiCall }

// Run prints how far sealing has come.
func (c *describeSealing) Run(w io.Writer) error {
	var out nifuda.DescribeSealingResponse
	return c.sealing(w, "DescribeSealing", nifuda.DescribeSealingRequest{}, &out, &out.Sealing)
}

type rotateSealingKey struct{ apiCall }

// Run rotates the key and prints how far sealing has come.
func (c *rotateSealingKey) Run(w io.Writer) error {
	var out nifuda.RotateSealingKeyResponse
	return c.sealing(w, "RotateSealingKey", nifuda.RotateSealingKeyRequest{}, &out, &out.Sealing)
}

type retireSealingKey struct {
	apiCall

	Key string `required:"" help:"The id of the key, see nifuda seal status." placeholder:"ID"`
}

// Run retires the key and prints how far sealing has come.
func (c *retireSealingKey) Run(w io.Writer) error {
	var out nifuda.RetireSealingKeyResponse
	return c.sealing(w, "RetireSealingKey", nifuda.RetireSealingKeyRequest{KeyId: c.Key}, &out, &out.Sealing)
}

// sealing calls an operation and prints the state that it returns.
func (c *apiCall) sealing(w io.Writer, operation string, in, out any, state **nifuda.Sealing) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	if err := api.Call(ctx, operation, in, out); err != nil {
		return err
	}
	return c.print(w, out, func(w io.Writer) error { return tellSealing(w, *state) })
}

func tellSealing(w io.Writer, s *nifuda.Sealing) error {
	if s == nil || len(s.KeyIds) == 0 {
		return errors.New("the server's response lacks the state of sealing")
	}
	var b strings.Builder
	sealed := "New blobs are sealed."
	if !s.Enabled {
		sealed = "New blobs are NOT sealed: --seal is off."
	}
	fmt.Fprintf(&b, "%s\nBlobs that are not sealed: %s\nCurrent key: %s\n", sealed, upTo(s.UnsealedBlobs), s.KeyIds[0])
	if older := s.KeyIds[1:]; len(older) > 0 {
		may := "may still be needed"
		if s.Rewrapped {
			may = "can be retired: nothing depends on them"
		}
		fmt.Fprintf(&b, "Older keys, which %s: %s\n", may, strings.Join(older, " "))
	}
	if s.FailedDataKeys > 0 {
		fmt.Fprintf(&b, "Data keys that could not be opened: %d, see the server's log\n", s.FailedDataKeys)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
