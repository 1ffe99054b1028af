package credentials

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// ErrFixed reports a secret that only its owner can change.
var ErrFixed = errors.New("it is not nifuda's to change: put a new line before the others where it is kept, and restart")

// A Source is where the text of a secret is kept. Its String says where, without
// any of it.
type Source interface {
	fmt.Stringer
	// Load returns the text, or [fs.ErrNotExist].
	Load(ctx context.Context) ([]byte, error)
	// Create keeps a text where there is none, durably, or returns [fs.ErrExist].
	Create(ctx context.Context, text []byte) error
	// Replace keeps another text, durably. Both return [ErrFixed] where the text
	// is somebody else's.
	Replace(ctx context.Context, text []byte) error
}

// ParseSource returns the source that the value of a flag names: file:PATH,
// env:NAME or command:COMMAND.
func ParseSource(flag, where string, getenv func(string) string) (Source, error) {
	scheme, rest, _ := strings.Cut(where, ":")
	switch scheme {
	case "file":
		return FileSource(rest), nil
	case "env":
		return environmentSource{name: rest, getenv: getenv}, nil
	case "command":
		return commandSource{command: rest, flag: flag, timeout: commandTimeout}, nil
	}
	return nil, errors.New("must be file:PATH, env:NAME or command:COMMAND")
}

// A FileSource is a file that only its owner may read.
type FileSource string

// String names the file.
func (f FileSource) String() string { return string(f) }

// Load implements [Source].
func (f FileSource) Load(context.Context) ([]byte, error) {
	if err := CheckPrivate(string(f)); err != nil {
		return nil, err
	}
	return os.ReadFile(string(f))
}

// Create implements [Source].
func (f FileSource) Create(_ context.Context, text []byte) error {
	return CreateFile(string(f), text)
}

// Replace implements [Source].
func (f FileSource) Replace(_ context.Context, text []byte) error {
	return ReplaceFile(string(f), text)
}

// fixed cannot be changed from here.
type fixed struct{}

// Create implements [Source].
func (fixed) Create(context.Context, []byte) error { return ErrFixed }

// Replace implements [Source].
func (fixed) Replace(context.Context, []byte) error { return ErrFixed }

// An environmentSource is a variable of the process.
type environmentSource struct {
	fixed

	name   string
	getenv func(string) string
}

// String names the variable.
func (e environmentSource) String() string { return "in the variable " + e.name }

// Load implements [Source].
func (e environmentSource) Load(context.Context) ([]byte, error) {
	text := e.getenv(e.name)
	if text == "" {
		return nil, errors.New("the variable is empty or not set")
	}
	return []byte(text), nil
}

// A command gets this long, and may print this much.
const (
	commandTimeout = 30 * time.Second
	commandOutput  = 64 << 10
)

// A commandSource is what a command of the shell prints.
type commandSource struct {
	fixed

	command string
	flag    string
	timeout time.Duration
}

// String does not repeat the command, which may have a password in it.
func (c commandSource) String() string { return "from the command of " + c.flag }

// Load implements [Source]. What the command prints is in no error: it may be a
// part of the ring.
func (c commandSource) Load(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C"}
	}
	var out limited
	cmd := exec.CommandContext(ctx, shell[0], shell[1], c.command) //nolint:gosec // the setting is a command
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the command did not end in %s", c.timeout)
	}
	if err != nil {
		return nil, fmt.Errorf("the command failed: %w", err)
	}
	return out.taken, nil
}

// limited takes no more than a secret can be. It is no bytes.Buffer itself, which
// would read without a limit.
type limited struct{ taken []byte }

// Write fails when the command prints too much.
func (l *limited) Write(p []byte) (int, error) {
	if len(l.taken)+len(p) > commandOutput {
		return 0, fmt.Errorf("it prints more than %d bytes", commandOutput)
	}
	l.taken = append(l.taken, p...)
	return len(p), nil
}
