package mongostore

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// All tests of this package run with a registry that refuses a struct with a field that has no explicit BSON name: the
// driver would store it under the name of the Go field.
var _ = refuseUnnamed(registry)

var errUnnamed = errors.New("field without a BSON name")

func refuseUnnamed(r *bson.Registry) *bson.Registry {
	probe := reflect.TypeFor[struct{}]()
	encoder, err := r.LookupEncoder(probe)
	if err != nil {
		panic(err)
	}
	decoder, err := r.LookupDecoder(probe)
	if err != nil {
		panic(err)
	}
	strict := &strictStructs{encoder: encoder, decoder: decoder}
	r.RegisterKindEncoder(reflect.Struct, strict)
	r.RegisterKindDecoder(reflect.Struct, strict)
	return r
}

type strictStructs struct {
	encoder bson.ValueEncoder
	decoder bson.ValueDecoder
	checked sync.Map // errors by type
}

func (s *strictStructs) check(t reflect.Type) error {
	if known, ok := s.checked.Load(t); ok {
		err, _ := known.(error)
		return err
	}
	var err error
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("bson"), ",")
		if field.IsExported() && name == "" && options != "inline" {
			err = fmt.Errorf("%w: %s.%s", errUnnamed, t, field.Name)
		}
	}
	s.checked.Store(t, err)
	return err
}

// EncodeValue implements bson.ValueEncoder.
func (s *strictStructs) EncodeValue(c bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	if err := s.check(v.Type()); err != nil {
		return err
	}
	return s.encoder.EncodeValue(c, w, v)
}

// DecodeValue implements bson.ValueDecoder.
func (s *strictStructs) DecodeValue(c bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
	if err := s.check(v.Type()); err != nil {
		return err
	}
	return s.decoder.DecodeValue(c, r, v)
}
