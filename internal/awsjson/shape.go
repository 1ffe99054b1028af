package awsjson

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/strictjson"
)

// shapes holds how to read every Go type that requests consist of.
type shapes map[reflect.Type]*shape

// A shape is how the values of one Go type are read. What breaks the grammar of
// JSON becomes the Reader's error and is no mismatch.
type shape struct {
	// kind is the JSON that a value must be, and name says so to people. Empty
	// leaves it to read.
	kind strictjson.Kind
	name string
	// read reads a value that is not null.
	read func(r *strictjson.Reader, v reflect.Value) *mismatch
}

// value reads the next value into v, which null leaves as it is.
func (s *shape) value(r *strictjson.Reader, v reflect.Value) *mismatch {
	kind := r.Kind()
	switch {
	case kind == strictjson.Null, kind == strictjson.Invalid:
		r.Skip()
		return nil
	case s.kind != "" && s.kind != kind:
		return mustBe(s.name, withArticle(kind))
	default:
		return s.read(r, v)
	}
}

// add makes the shape of a type, and those of the types that it is made of. The
// fields of structures have their names in json tags. It panics if a type is
// none that a request can have.
func (s shapes) add(t reflect.Type) *shape {
	if known, ok := s[t]; ok {
		return known
	}
	made := new(shape)
	s[t] = made // before its members, which may have the type again
	*made = s.shape(t)
	return made
}

func (s shapes) shape(t reflect.Type) shape {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return shape{read: readUnmarshaler}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.pointer(t)
	case reflect.Struct:
		return s.structure(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return shape{strictjson.String, "a base64 string", readBlob}
		}
		return s.list(t)
	case reflect.Map:
		return s.dictionary(t)
	case reflect.String:
		return shape{strictjson.String, "a string", readString}
	case reflect.Bool:
		return shape{strictjson.Bool, "a boolean", readBool}
	case reflect.Int32, reflect.Int64:
		return integer(t.Bits())
	case reflect.Float64:
		return shape{strictjson.Number, "a number", readFloat}
	default:
		panic("awsjson: a request cannot have a " + t.String())
	}
}

func (s shapes) pointer(t reflect.Type) shape {
	element := s.add(t.Elem())
	return shape{read: func(r *strictjson.Reader, v reflect.Value) *mismatch {
		v.Set(reflect.New(t.Elem()))
		return element.value(r, v.Elem())
	}}
}

func (s shapes) structure(t reflect.Type) shape {
	type member struct {
		*shape
		index int
	}
	members := map[string]member{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		members[name] = member{s.add(field.Type), field.Index[0]}
	}
	return shape{strictjson.Object, "an object", func(r *strictjson.Reader, v reflect.Value) *mismatch {
		for name := range r.Members() {
			m, known := members[name]
			if !known {
				continue
			}
			if bad := m.value(r, v.Field(m.index)); bad != nil {
				return bad.in(name)
			}
		}
		return nil
	}}
}

func (s shapes) list(t reflect.Type) shape {
	element := s.add(t.Elem())
	return shape{strictjson.Array, "an array", func(r *strictjson.Reader, v reflect.Value) *mismatch {
		v.Set(reflect.MakeSlice(t, 0, 0)) // an empty list is not an absent one
		for i := range r.Elements() {
			if i == v.Cap() {
				v.Grow(1)
			}
			v.SetLen(i + 1)
			if bad := element.value(r, v.Index(i)); bad != nil {
				return bad.inElement(i)
			}
		}
		return nil
	}}
}

// dictionary reads a map from texts. An entry that is null is as good as absent.
func (s shapes) dictionary(t reflect.Type) shape {
	if t.Key().Kind() != reflect.String {
		panic("awsjson: a request cannot have a " + t.String())
	}
	element := s.add(t.Elem())
	return shape{strictjson.Object, "an object", func(r *strictjson.Reader, v reflect.Value) *mismatch {
		v.Set(reflect.MakeMap(t)) // an empty map is not an absent one
		for name := range r.Members() {
			isNull := r.Kind() == strictjson.Null
			entry := reflect.New(t.Elem()).Elem()
			if bad := element.value(r, entry); bad != nil {
				return bad.in(shorten(name))
			}
			if !isNull {
				v.SetMapIndex(reflect.ValueOf(strings.Clone(name)).Convert(t.Key()), entry)
			}
		}
		return nil
	}}
}

func readString(r *strictjson.Reader, v reflect.Value) *mismatch {
	v.SetString(strings.Clone(r.String())) // lest it keep the whole body
	return nil
}

func readBlob(r *strictjson.Reader, v reflect.Value) *mismatch {
	blob, err := base64.StdEncoding.DecodeString(r.String())
	if err != nil {
		return &mismatch{problem: "must be a base64 string: " + err.Error()}
	}
	v.SetBytes(blob)
	return nil
}

func readBool(r *strictjson.Reader, v reflect.Value) *mismatch {
	v.SetBool(r.Bool())
	return nil
}

func integer(bits int) shape {
	name := "an integer of " + strconv.Itoa(bits) + " bits"
	return shape{strictjson.Number, name, func(r *strictjson.Reader, v reflect.Value) *mismatch {
		literal := string(r.Number())
		n, err := strconv.ParseInt(literal, 10, bits)
		if err != nil && r.Err() == nil {
			return mustBe(name, shorten(literal))
		}
		v.SetInt(n)
		return nil
	}}
}

func readFloat(r *strictjson.Reader, v reflect.Value) *mismatch {
	literal := string(r.Number())
	n, err := strconv.ParseFloat(literal, 64)
	if err != nil && r.Err() == nil {
		return mustBe("a number that 64 bits can hold", shorten(literal))
	}
	v.SetFloat(n)
	return nil
}

// readUnmarshaler reads what has a form of its own, such as a timestamp.
func readUnmarshaler(r *strictjson.Reader, v reflect.Value) *mismatch {
	text, err := json.Marshal(r.Value())
	if err == nil && r.Err() == nil {
		err = v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text)
	}
	if err != nil {
		return &mismatch{problem: "cannot be read: " + shorten(err.Error())}
	}
	return nil
}
