// Gen writes the Go package of an AWS service from the service's model.
//
// It is run by go generate and not part of the server:
//
//	go run ../gen -model ../gen/models/ecr-2015-09-21.json -package ecr -o .
//
// The package that it writes holds the shapes, the operations, the errors and
// the validation of one service, and imports nothing but the standard library.
// How a request or a response looks on the wire is not its business: that is
// left to a package for each AWS protocol, which finds everything that it needs
// in the operation table. So a model that speaks another protocol needs another
// protocol package, not another generator.
//
// What a model leaves out, or says differently from the service, is corrected
// by a table in this package, see [corrections].
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	model := flag.String("model", "", "model `file` in JSON")
	name := flag.String("package", "", "`name` of the package to write")
	dir := flag.String("o", ".", "`folder` to write to")
	flag.Parse()
	if err := run(*model, *name, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(modelFile, name, dir string) error {
	text, err := os.ReadFile(modelFile)
	if err != nil {
		return fmt.Errorf("read model: %w", err)
	}
	files, err := generate(text, name)
	if err != nil {
		return fmt.Errorf("%s: %w", modelFile, err)
	}
	for file, source := range files {
		if err := os.WriteFile(filepath.Join(dir, file), source, 0o644); err != nil {
			return fmt.Errorf("write package %s: %w", name, err)
		}
	}
	return nil
}

// generate returns the files of the package by their names. The same model
// gives the same bytes.
func generate(modelText []byte, name string) (map[string][]byte, error) {
	m, err := parseModel(modelText)
	if err != nil {
		return nil, err
	}
	return emit(m, name, correctionsOf[m.Metadata.ServiceID])
}

func emit(m *model, name string, c corrections) (map[string][]byte, error) {
	p, err := newPkg(m, name, c)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for file, print := range map[string]func(*printer){
		"types_gen.go":      p.printTypes,
		"operations_gen.go": p.printOperations,
		"errors_gen.go":     p.printErrors,
		"validate_gen.go":   p.printValidation,
	} {
		source, err := p.source(print)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		files[file] = source
	}
	return files, nil
}
