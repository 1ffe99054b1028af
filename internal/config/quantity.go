package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// GracePeriod returns Grace. Validate has found no mistake in it.
func (c *Config) GracePeriod() time.Duration { return duration(c.Grace) }

// UndeleteWindow returns Undelete. Validate has found no mistake in it.
func (c *Config) UndeleteWindow() time.Duration { return duration(c.Undelete) }

// DrainTime returns DrainDelay. Validate has found no mistake in it.
func (c *Config) DrainTime() time.Duration { return duration(c.DrainDelay) }

// ScrubRate returns Scrub in bytes per second. Validate has found no mistake in it.
func (c *Config) ScrubRate() int64 { return size(c.Scrub) }

// DiskReserve returns Reserve in bytes. Validate has found no mistake in it.
func (c *Config) DiskReserve() int64 { return size(c.Reserve) }

// SourceConnections returns PerSource; 0 is without a limit. Validate has found
// no mistake in it.
func (c *Config) SourceConnections() int {
	n, _ := strconv.Atoi(c.PerSource)
	return n
}

func checkCount(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 0 {
		return fmt.Errorf("%q is not a number such as 0 or 100", text)
	}
	return nil
}

func duration(text string) time.Duration {
	d, _ := parseDuration(text)
	return d
}

func size(text string) int64 {
	n, _ := ParseSize(text)
	return n
}

func checkDuration(text string) error {
	_, err := parseDuration(text)
	return err
}

func checkSize(text string) error {
	_, err := ParseSize(text)
	return err
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a time such as 0, 90m or 168h", text)
	}
	return d, nil
}

// units are the ends of a size, the longest first.
var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"", 1}}

var errSize = errors.New("not a size")

// ParseSize returns a number of bytes from its text, such as 4MiB.
func ParseSize(text string) (int64, error) {
	for _, unit := range units {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err == nil && n >= 0 && n <= math.MaxInt64/unit.bytes {
			return n * unit.bytes, nil
		}
		break
	}
	return 0, fmt.Errorf("%q is %w such as 0, 512KiB, 4MiB or 10GiB", text, errSize)
}

// The ways to the key ring that are no file.
const (
	schemeEnv      = "env:"
	schemeCommand  = "command:"
	schemeKMS      = "kms:"
	schemeDatabase = "database:"
)

func checkSealKeys(where string) error {
	if where == schemeDatabase {
		return nil
	}
	return checkKept(where, "must be file:PATH, env:NAME, command:COMMAND, database: or kms:KEY-ARN?endpoint=URL",
		schemeFile, schemeEnv, schemeCommand, schemeKMS)
}

func checkServerKey(where string) error {
	return checkKept(where, "must be file:PATH, env:NAME or command:COMMAND: not the key, but where it is, such as env:REGISTRY_SERVER_KEY", schemeFile, schemeEnv, schemeCommand)
}

// checkKept checks where a secret is.
func checkKept(where, want string, schemes ...string) error {
	if where == "" { // derived from Data
		return nil
	}
	for _, scheme := range schemes {
		if rest, ok := strings.CutPrefix(where, scheme); ok {
			if rest == "" {
				return fmt.Errorf("%s needs something after the colon", scheme)
			}
			return nil
		}
	}
	return errors.New(want)
}
