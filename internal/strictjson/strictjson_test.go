package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/strictjson"
)

func TestParseGivesTree(t *testing.T) {
	got, err := strictjson.Parse(` {"a":[1,-2.50e+3,"x\n\u00e9\ud83d\ude00",true,false,null],"b":{},"":[]} `)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{json.Number("1"), json.Number("-2.50e+3"), "x\né😀", true, false, nil},
		"b": map[string]any{},
		"":  []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"n%d":0,`, i)
	}
	tests := map[string]struct{ text, message string }{
		"nothing":               {"", "value expected"},
		"text after the value":  {"{} {}", "text after the value"},
		"byte order mark":       {"\ufeff{}", "value expected"},
		"duplicate name":        {`{"a":1,"b":2,"a":3}`, `duplicate name "a"`},
		"escaped duplicate":     {`{"a":1,"\u0061":3}`, `duplicate name "a"`},
		"late duplicate":        {"{" + many.String() + `"n39":1}`, `duplicate name "n39"`},
		"nested duplicate":      {`[{"x":{"a":1,"a":1}}]`, `duplicate name "a"`},
		"invalid UTF-8":         {"\"\xff\"", "invalid UTF-8"},
		"lone surrogate":        {`"\ud800"`, "malformed escape"},
		"wrong surrogate order": {`"\ude00\ud83d"`, "malformed escape"},
		"bad escape":            {`"\x"`, "malformed escape"},
		"short escape":          {`"\u12`, "malformed escape"},
		"signed escape":         {`"\u+123"`, "malformed escape"},
		"open string":           {`"a`, "string without end"},
		"open escaped string":   {`"\n`, "string without end"},
		"control character":     {"\"\x00\"", "control character in a string"},
		"late control":          {"\"\\n\x01\"", "control character in a string"},
		"leading zero":          {"01", "malformed number"},
		"bare minus":            {"-", "malformed number"},
		"bare point":            {"1.", "malformed number"},
		"bare exponent":         {"1e+", "malformed number"},
		"trailing comma":        {"[1,]", "value expected"},
		"missing comma":         {"[1 2]", `',' expected`},
		"missing colon":         {`{"a" 1}`, `':' expected`},
		"name not a string":     {`{1:1}`, "string expected, not number"},
		"open array":            {"[1", `',' expected`},
		"misspelt null":         {"nul", "malformed literal"},
		"misspelt true":         {"trux", "malformed literal"},
		"misspelt false":        {"fals", "malformed literal"},
		"deep nesting":          {strings.Repeat("[", 1e6), "nested too deeply"},
		"one level too deep":    {strings.Repeat("[", 101) + strings.Repeat("]", 101), "nested too deeply"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := strictjson.Parse(tt.text)
			var e *strictjson.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Message != tt.message {
				t.Errorf("got %q, want %q", e.Message, tt.message)
			}
		})
	}
}

func TestParseTakesDeepestNesting(t *testing.T) {
	if _, err := strictjson.Parse(strings.Repeat("[", strictjson.MaxDepth) + strings.Repeat("]", strictjson.MaxDepth)); err != nil {
		t.Error(err)
	}
}

func TestReaderChecksWhatTheBodyLeaves(t *testing.T) {
	r := strictjson.NewReader(`{"a":{"x":1,"x":2},"b":"read"}`)
	for range r.Members() {
	}
	if err := r.Close(); err == nil {
		t.Error("a duplicate name in a skipped value was accepted")
	}
}

func TestReaderReadsTypes(t *testing.T) {
	r := strictjson.NewReader(`{"i":-7,"skipped":[1,{"x":null}],"s":"text","n":null,"b":true}`)
	got := map[string]any{}
	for name := range r.Members() {
		switch name {
		case "i":
			got[name] = r.Int64()
		case "s":
			got[name] = r.String()
		case "n":
			got[name] = r.Null()
		case "b":
			got[name] = r.Bool()
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"i": int64(-7), "s": "text", "n": true, "b": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReaderRefusesOtherTypes(t *testing.T) {
	tests := map[string]struct {
		text string
		read func(*strictjson.Reader)
	}{
		"fraction as integer": {"1.0", func(r *strictjson.Reader) { r.Int64() }},
		"exponent as integer": {"1e2", func(r *strictjson.Reader) { r.Int64() }},
		"huge integer":        {"9223372036854775808", func(r *strictjson.Reader) { r.Int64() }},
		"null as string":      {"null", func(r *strictjson.Reader) { _ = r.String() }},
		"string as integer":   {`"1"`, func(r *strictjson.Reader) { r.Int64() }},
		"number as boolean":   {"1", func(r *strictjson.Reader) { r.Bool() }},
		"array as object": {"[]", func(r *strictjson.Reader) {
			for range r.Members() {
			}
		}},
		"object as array": {"{}", func(r *strictjson.Reader) {
			for range r.Elements() {
			}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := strictjson.NewReader(tt.text)
			tt.read(r)
			if r.Close() == nil {
				t.Error("accepted")
			}
		})
	}
}

// FuzzParse holds that whatever is accepted means the same to encoding/json,
// and that only what strictness forbids is refused beyond what it refuses.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,"x\n\u00e9\ud83d\ude00",true,false,null],"b":{}}`, `{"a":1,"a":2}`, `"\ud800"`, "\xff", " 0 ", "-0", "[1,]", `{"":{"":""}}`, `"\/"`, "1E-9",
	} {
		f.Add(seed)
	}
	strict := []string{"duplicate name", "invalid UTF-8", "malformed escape", "nested too deeply"}
	f.Fuzz(func(t *testing.T, text string) {
		var want any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		got, err := strictjson.Parse(text)
		if err == nil {
			if err := decoder.Decode(&want); err != nil {
				t.Fatalf("accepted, but encoding/json says %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			return
		}
		if !json.Valid([]byte(text)) {
			return
		}
		for _, reason := range strict {
			if strings.Contains(err.Error(), reason) {
				return
			}
		}
		t.Fatalf("refused valid JSON: %v", err)
	})
}

func TestTextIsAsItIsWritten(t *testing.T) {
	r := strictjson.NewReader(` { "a" : [ 1.0 , "\u0061" ] , "b" : 2 } `)
	var got string
	for name := range r.Members() {
		if name == "a" {
			got = r.Text(r.Skip)
		}
	}
	if want := `[ 1.0 , "\u0061" ]`; got != want || r.Close() != nil {
		t.Errorf("got %q, %v, want %q", got, r.Close(), want)
	}
}
