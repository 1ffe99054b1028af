package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// fileFlag is the one setting that a file cannot hold: itself.
const fileFlag = "config"

// A File is the path of a settings file: YAML, one mapping from flag names to
// values. A key that is no flag is an error.
type File string

// BeforeResolve makes kong take from the file what neither the command line nor
// the environment says.
func (f File) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path := f
	if given, ok := ctx.FlagValue(trace.Flag).(File); ok {
		path = given
	}
	if path == "" {
		return nil
	}
	settings, err := path.read()
	if err != nil {
		return fmt.Errorf("settings file %s: %w", string(path), err)
	}
	ctx.AddResolver(settings)
	return nil
}

func (f File) read() (fileSettings, error) {
	text, err := os.Open(string(f))
	if err != nil {
		return nil, errors.Unwrap(err) // the caller says the path
	}
	defer text.Close()
	documents, err := yaml.NewLoader(text)
	if err != nil {
		return nil, err
	}
	var document, more yaml.Node
	err = documents.Load(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := documents.Load(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one document")
	}
	return settingsOf(document.Content[0])
}

func settingsOf(mapping *yaml.Node) (fileSettings, error) {
	if mapping.ShortTag() == "!!null" {
		return nil, nil
	}
	if mapping.Kind != yaml.MappingNode {
		return nil, errors.New("is not a mapping from settings to values")
	}
	known := flagNames()
	settings := fileSettings{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		_, again := settings[key.Value]
		switch {
		case !known[key.Value]:
			return nil, fmt.Errorf("line %d: unknown setting %q", key.Line, key.Value)
		case again:
			return nil, fmt.Errorf("line %d: setting %q is there twice", key.Line, key.Value)
		case value.Kind != yaml.ScalarNode:
			return nil, fmt.Errorf("line %d: setting %q must be a single value", key.Line, key.Value)
		case value.ShortTag() == "!!null":
			continue
		}
		settings[key.Value] = value.Value // as written: an account keeps its leading zeros
	}
	return settings, nil
}

func flagNames() map[string]bool {
	names := map[string]bool{}
	for field := range reflect.TypeFor[Config]().Fields() {
		if name := field.Tag.Get("name"); name != fileFlag {
			names[name] = true
		}
	}
	return names
}

// fileSettings are the values of a settings file by flag name.
type fileSettings map[string]string

// Validate implements [kong.Resolver].
func (fileSettings) Validate(*kong.Application) error { return nil }

// Resolve implements [kong.Resolver]. Kong asks it for every flag that is not
// on the command line, also for one that the environment has set already.
func (s fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := s[flag.Name]
	if !ok || slices.ContainsFunc(flag.Envs, isSet) {
		return nil, nil
	}
	return value, nil
}

func isSet(env string) bool {
	_, ok := os.LookupEnv(env)
	return ok
}
