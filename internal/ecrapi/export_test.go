package ecrapi

import "reflect"

// Implementation is the type whose methods override the operations that work.
var Implementation = reflect.TypeFor[*api]()
