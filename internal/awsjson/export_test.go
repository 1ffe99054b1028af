package awsjson

import "reflect"

// Decode reads a body into a request as a [Handler] does.
func Decode(body string, in Request) error {
	s := shapes{}
	s.add(reflect.TypeOf(in).Elem())
	return s.decode(body, in)
}
