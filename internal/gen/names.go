package main

import (
	"go/token"
	"strings"
	"unicode"
)

// exported is a wire name as an exported Go name: with a capital, otherwise
// letter by letter as the API spells it.
func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// unexported is a wire name as the name of a Go parameter.
func unexported(name string) string {
	name = strings.ToLower(name[:1]) + name[1:]
	if token.IsKeyword(name) {
		return name + "Value"
	}
	return name
}

// camel is the value of an enumeration as part of a Go name: SCAN_ON_PUSH and
// scan-on-push are both ScanOnPush, ImageNotFound stays as it is.
func camel(value string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		b.WriteString(exported(word))
	}
	return b.String()
}
