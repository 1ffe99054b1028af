package awsquery_test

import (
	"errors"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/sts"
)

// moment is a Timestamp as generated packages have it.
type moment struct{ time.Time }

// note is a request with every type that there is.
type note struct {
	Title  *string           `json:"Title,omitzero"`
	Draft  *bool             `json:"Draft,omitzero"`
	Size   *int32            `json:"Size,omitzero"`
	Total  *int64            `json:"Total,omitzero"`
	Weight *float64          `json:"Weight,omitzero"`
	Body   []byte            `json:"Body,omitzero"`
	Until  *moment           `json:"Until,omitzero"`
	Names  []string          `json:"Names,omitzero"`
	Labels map[string]string `json:"Labels,omitzero"`
	Reply  *reply            `json:"Reply,omitzero"`
	Many   []reply           `json:"Many,omitzero"`
}

type reply struct {
	Text    string  `json:"text"`
	Replies []reply `json:"replies,omitzero"`
}

func (*note) Validate() error { return nil }

func TestDecode(t *testing.T) {
	tests := []struct {
		name, query string
		want        note
	}{
		{"nothing", "", note{}},
		{"unknown names", "Action=X&Version=1&Other.member.1=x&Titles=y&Reply2.text=1", note{}},
		{
			"scalars", "Title=a+b%26%C3%BC&Draft=true&Size=-7&Total=9223372036854775807&Weight=0.25&Body=AAE%3D&Until=2024-01-02T03:04:05Z",
			note{
				Title: new("a b&ü"), Draft: new(true), Size: new(int32(-7)), Total: new(int64(1<<63 - 1)), Weight: new(0.25),
				Body: []byte{0, 1}, Until: &moment{time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)},
			},
		},
		{"empty value", "Title=", note{Title: new("")}},
		{"value without =", "Title", note{Title: new("")}},
		{"list", "Names.member.1=a&Names.member.2=b", note{Names: []string{"a", "b"}}},
		{"list out of order", "Names.member.10=c&Names.member.9=b&Names.member.1=a", note{Names: []string{"a", "b", "c"}}},
		{"list with gaps", "Names.member.2147483647=b&Names.member.5=a", note{Names: []string{"a", "b"}}},
		{"empty list", "Names=", note{Names: []string{}}},
		{"map", "Labels.entry.1.key=a&Labels.entry.1.value=b&Labels.entry.7.key=c&Labels.entry.7.value=", note{Labels: map[string]string{"a": "b", "c": ""}}},
		{"structure", "Reply.text=a", note{Reply: &reply{Text: "a"}}},
		{
			"structures in lists", "Many.member.2.text=b&Many.member.1.replies.member.1.text=c&Many.member.1.text=a&Many.member.1.other=x",
			note{Many: []reply{{Text: "a", Replies: []reply{{Text: "c"}}}, {Text: "b"}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got note
			if err := awsquery.Decode(&got, test.query); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got: %s", diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	tests := []struct{ name, query, code string }{
		{"percent-encoding", "Title=%zz", "MalformedQueryString"},
		{"percent-encoding of a name", "%zz=a", "MalformedQueryString"},
		{"no UTF-8", "Title=%ff", "MalformedQueryString"},
		{"no UTF-8 in a name", "%ff=a", "MalformedQueryString"},
		{"semicolons", "Title=a;Title=b&Title=c", "MalformedQueryString"},
		{"twice", "Title=a&Title=b", "MalformedQueryString"},
		{"twice though unknown", "Other=a&Other=b", "MalformedQueryString"},
		{"element twice", "Names.member.1=a&Names.member.1=b", "MalformedQueryString"},
		{"too many", strings.Repeat("a&", 9999) + "b&c", "MalformedQueryString"},
		{"deep nesting", "Many.member.1" + strings.Repeat(".replies.member.1", 60) + ".text=a", "MalformedQueryString"},
		{"no boolean", "Draft=yes", "MalformedInput"},
		{"no integer", "Size=1.5", "MalformedInput"},
		{"too large an integer", "Size=2147483648", "MalformedInput"},
		{"no number", "Weight=x", "MalformedInput"},
		{"no base64", "Body=-", "MalformedInput"},
		{"no time", "Until=tomorrow", "MalformedInput"},
		{"value for a list", "Names=a", "MalformedInput"},
		{"value for a structure", "Reply=a", "MalformedInput"},
		{"value for a map", "Labels=a", "MalformedInput"},
		{"list for a value", "Title.member.1=a", "MalformedInput"},
		{"element zero", "Names.member.0=a", "MalformedInput"},
		{"element below zero", "Names.member.-1=a", "MalformedInput"},
		{"element with a plus", "Names.member.%2B1=a", "MalformedInput"},
		{"element with a zero before it", "Names.member.01=a", "MalformedInput"},
		{"element without a number", "Names.member.=a", "MalformedInput"},
		{"element with a word", "Names.member.x=a", "MalformedInput"},
		{"element too far away", "Names.member.2147483648=a", "MalformedInput"},
		{"element of another list", "Names.entry.1=a", "MalformedInput"},
		{"value that has parts", "Names.member.1.x=a", "MalformedInput"},
		{"entry without a key", "Labels.entry.1.value=a", "MalformedInput"},
		{"entry with a key of another", "Labels.entry.1.key=a&Labels.entry.1.value=b&Labels.entry.2.key=a&Labels.entry.2.value=b", "MalformedInput"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := awsquery.Decode(&note{}, test.query)
			refusal, ok := errors.AsType[awsquery.Refusal](err)
			if !ok || refusal.ErrorCode() != test.code || refusal.ErrorStatus() != 400 || len(refusal.ErrorMessage()) > 300 {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func TestParametersOfQueryAndBodyAreOne(t *testing.T) {
	var got note
	if err := awsquery.Decode(&got, "Title=a", "Size=1"); err != nil || *got.Title != "a" || *got.Size != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := awsquery.Decode(&got, "Title=a", "Title=a"); err == nil {
		t.Error("a parameter was taken twice")
	}
}

func TestEveryMemberOfEveryRequestIsRead(t *testing.T) {
	services := []map[string]awsquery.Operation{awsiam.Operations(awsiam.Unimplemented{}), sts.Operations(sts.Unimplemented{})}
	for _, operations := range services {
		for name, operation := range operations {
			want, _ := operation()
			form := url.Values{}
			fill(t, form, "", reflect.ValueOf(want).Elem())
			got, _ := operation()
			if err := awsquery.Decode(got, form.Encode()); err != nil {
				t.Errorf("%s %v: %v", name, form, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got): %s", name, diff)
			}
		}
	}
}

// fill gives every member a value, and every list two elements, and writes them
// into the form as the SDKs do.
func fill(t *testing.T, form url.Values, name string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, form, name, v.Elem())
	case reflect.Struct:
		for field, member := range v.Fields() {
			wire, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name != "" {
				wire = name + "." + wire
			}
			fill(t, form, wire, member)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, form, name+".member."+strconv.Itoa(i+1), v.Index(i))
		}
	case reflect.String:
		v.SetString("a \"text\" of " + name + "\n")
		form.Set(name, v.String())
	case reflect.Bool:
		v.SetBool(true)
		form.Set(name, "true")
	case reflect.Int32:
		v.SetInt(-7)
		form.Set(name, "-7")
	default:
		t.Fatalf("no value for %s, a %s", name, v.Type())
	}
}

type odd struct {
	Any any `json:"any"`
}

func (*odd) Validate() error { return nil }

func TestTypesThatRequestsCannotHaveAreRefusedAtTheStart(t *testing.T) {
	defer func() {
		if got := recover(); got != "awsquery: a request cannot have a interface {}" {
			t.Errorf("New panicked with %v", got)
		}
	}()
	awsquery.New(awsquery.Options{}, awsquery.Service{Operations: map[string]awsquery.Operation{
		"Odd": func() (awsquery.Request, awsquery.Call) { return new(odd), nil },
	}})
}

// FuzzDecode looks for what panics, what is refused without being told why, and
// what takes more than was sent.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"Title=a&Draft=true&Size=1&Total=2&Weight=0.5&Body=AAE%3D&Until=2024-01-02T03:04:05Z",
		"Names.member.1=a&Names.member.3=b&Names.member.2147483647=c", "Names=", "Labels.entry.1.key=a&Labels.entry.1.value=b",
		"Many.member.1.replies.member.1.replies.member.1.text=a", "Reply.text=a&Reply.text=b", "a%zz", "%ff=%fe", "&&=&==&",
		"Many.member.1=&Many.member.1.text=a", "Many.member.1!=&Many.member.1.text=a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var got note
		if err := awsquery.Decode(&got, query); err != nil {
			if _, ok := errors.AsType[awsquery.Refusal](err); !ok {
				t.Errorf("%v is no refusal", err)
			}
			return
		}
		if n := len(got.Names) + len(got.Labels) + len(got.Many); n > strings.Count(query, "&")+1 {
			t.Errorf("%q became %d elements", query, n)
		}
	})
}
