package awsjson_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/ecr"
)

func TestEveryMemberOfEveryRequestIsRead(t *testing.T) {
	for name, operation := range ecr.Operations(ecr.Unimplemented{}) {
		want, _ := operation()
		fill(t, reflect.ValueOf(want).Elem())
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := operation()
		if err := awsjson.Decode(string(body), got); err != nil {
			t.Errorf("%s %s: %v", name, body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got): %s", name, body, diff)
		}
	}
}

// fill gives every member a value, and every list two elements.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch at := v.Addr().Interface().(type) {
	case *ecr.Timestamp:
		at.Time = time.UnixMilli(1563223656123).UTC()
		return
	case *[]byte:
		*at = []byte("blob")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case reflect.String:
		v.SetString("a \"text\" with escapes\n")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(-7)
	case reflect.Float64:
		v.SetFloat(0.25)
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

type odd struct {
	Any any `json:"any"`
}

func (*odd) Validate() error { return nil }

func TestTypesThatRequestsCannotHaveAreRefusedAtTheStart(t *testing.T) {
	s := service()
	s.Operations["Odd"] = func() (awsjson.Request, awsjson.Call) { return new(odd), nil }
	defer func() {
		if got := recover(); got != "awsjson: a request cannot have a interface {}" {
			t.Errorf("New panicked with %v", got)
		}
	}()
	awsjson.New(awsjson.Options{}, s)
}
