// Command nifuda is a container registry that is driven as Amazon ECR is.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/server"
)

// version is set by the build.
var version = "dev"

type commands struct {
	Serve   serve       `cmd:"" help:"Serve the registry."`
	Version showVersion `cmd:"" help:"Print the version."`
}

type serve struct {
	config.Config
}

// Run serves until the process is asked to end. A second signal ends it at once.
func (c *serve) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return server.Run(ctx, server.Options{
		Config: c.Config, Getenv: os.Getenv, Stdout: os.Stdout, Log: logger(os.Stderr, c.Config), Version: version,
	})
}

func logger(w io.Writer, c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level()}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

type showVersion struct{}

func (showVersion) Run() error {
	_, err := fmt.Println("nifuda", version)
	return err
}

func main() {
	ctx := kong.Parse(&commands{}, kong.Name("nifuda"), kong.UsageOnError(),
		kong.Description("A container registry that teams run themselves and drive exactly as they drive Amazon ECR."))
	ctx.FatalIfErrorf(ctx.Run())
}
