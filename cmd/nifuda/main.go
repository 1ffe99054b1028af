// Command nifuda is a container registry that is driven as Amazon ECR is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/logs"
	"github.com/nifuda/nifuda/internal/server"
)

// version is set by the build.
var version = "dev"

type commands struct {
	Serve   serve         `cmd:"" help:"Serve the registry."`
	Backup  takeBackup    `cmd:"" help:"Copy everything to another place, while the server runs or not."`
	Restore restoreBackup `cmd:"" help:"Make the data of a server from a backup."`
	Migrate moveAway      `cmd:"" help:"Move everything to another database, other blobs, or both, while the server runs."`
	GC      gc            `cmd:"" name:"gc" help:"Free what nobody uses any more on a running server, or show what was freed."`
	Verify  verify        `cmd:"" help:"Have a running server read everything that it stores, and tell what is damaged. Ends with 0 if nothing is, with 1 if something is, with 2 if not everything could be read."`
	Account account       `cmd:"" help:"Manage the accounts of a running server."`
	Pulls   pulls         `cmd:"" help:"Show how often images of a running server were pulled, by day."`
	Policy  policy        `cmd:"" help:"Ask a running server about its policies."`
	Node    nodes         `cmd:"" help:"Show the nodes of a running installation."`
	Quota   quotas        `cmd:"" help:"Show and change what accounts and repositories of a running server may hold, and how often they may ask."`
	Seal    sealing       `cmd:"" help:"Show and change the keys that a running server seals blobs with."`
	Health  healthcheck   `cmd:"" name:"healthcheck" help:"Ask the server of the same settings, on this machine, whether it is ready; for container images, which have no other program that could."`
	Version showVersion   `cmd:"" help:"Print the version."`
}

type serve struct {
	config.Config
}

// garbagePercent is how much garbage may gather, in percent of what is in use,
// before it is collected. In use are a few megabytes, and each request leaves
// garbage: at Go's default of 100 collecting would cost a pull a quarter more.
// With more than this, large bodies would leave hundreds of megabytes.
const garbagePercent = 200

// Run serves until the process is asked to end. A second signal ends it at once.
func (c *serve) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	log := logs.NewWriter(os.Stderr)
	defer log.Close()
	return server.Run(ctx, server.Options{
		Config: c.Config, Getenv: os.Getenv, Stdout: os.Stdout, Log: logger(log, c.Config), Version: version,
	})
}

func logger(w io.Writer, c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level()}
	if c.LogFormat == "json" {
		options.ReplaceAttr = readableDuration
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// readableDuration writes 431µs, as the text form does, and not nanoseconds.
func readableDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

type showVersion struct{}

// Run prints the version.
func (showVersion) Run(w io.Writer) error {
	_, err := fmt.Fprintln(w, "nifuda", version)
	return err
}

// exit ends the process with 1 for every failure.
func exit(code int) { os.Exit(min(code, 1)) }

// exitDenied is how a command ends whose answer is no.
const exitDenied = 2

// isVerify reports whether a command line is of verify, where 1 is the status for
// damage and thus not for mistakes.
func isVerify(c *kong.Context) bool {
	selected := c.Selected()
	return selected != nil && selected.Name == "verify"
}

func main() {
	parser := kong.Must(&commands{}, kong.Name("nifuda"), kong.Exit(exit), kong.BindTo(os.Stdout, (*io.Writer)(nil)),
		kong.Description("A container registry that teams run themselves and drive exactly as they drive Amazon ECR."))
	ctx, err := parser.Parse(os.Args[1:])
	if refused, ok := errors.AsType[*kong.ParseError](err); ok && isVerify(refused.Context) {
		parser.Errorf("%s", err)
		os.Exit(exitNotRead)
	}
	parser.FatalIfErrorf(err)
	err = ctx.Run()
	if errors.Is(err, errDenied) {
		os.Exit(exitDenied)
	}
	if ended, ok := errors.AsType[*exitError](err); ok {
		if ended.err != nil {
			ctx.Errorf("%s", ended.err)
		}
		os.Exit(ended.status)
	}
	ctx.FatalIfErrorf(err)
}
