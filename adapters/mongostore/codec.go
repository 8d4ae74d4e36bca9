package mongostore

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/records"
)

// registry maps document types to BSON where the driver's default would lose data: times keep their nanoseconds (a BSON
// date has milliseconds), maps become arrays (their keys may contain dots), and JSON stays text.
var registry = newRegistry()

func newRegistry() *bson.Registry {
	r := bson.NewRegistry()
	moment := reflect.TypeFor[time.Time]()
	r.RegisterTypeEncoder(moment, bson.ValueEncoderFunc(encodeTime))
	r.RegisterTypeDecoder(moment, bson.ValueDecoderFunc(decodeTime))
	moments := reflect.TypeFor[map[string]time.Time]()
	r.RegisterTypeEncoder(moments, bson.ValueEncoderFunc(encodeTimes))
	r.RegisterTypeDecoder(moments, bson.ValueDecoderFunc(decodeTimes))
	text := reflect.TypeFor[records.Text]()
	r.RegisterTypeEncoder(text, bson.ValueEncoderFunc(encodeText))
	r.RegisterTypeDecoder(text, bson.ValueDecoderFunc(decodeText))
	return r
}

// nanos returns the stored form of a time: nanoseconds since 1970, 0 for the zero time. A time after the year 2262
// becomes the last one that fits, which keeps the order.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Unix() >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	case t.Unix() <= math.MinInt64/int64(time.Second):
		return math.MinInt64
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func encodeTime(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	t, ok := reflect.TypeAssert[time.Time](v)
	if !ok {
		return fmt.Errorf("encoding a time: got %s", v.Type())
	}
	return w.WriteInt64(nanos(t))
}

func decodeTime(_ bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
	n, err := readInt64(r)
	if err == nil {
		v.Set(reflect.ValueOf(fromNanos(n)))
	}
	return err
}

func readInt64(r bson.ValueReader) (int64, error) {
	switch r.Type() {
	case bson.TypeInt64:
		return r.ReadInt64()
	case bson.TypeInt32:
		n, err := r.ReadInt32()
		return int64(n), err
	default:
		return 0, fmt.Errorf("decoding a number: got %s", r.Type())
	}
}

// namedTime is an entry of a map of times.
type namedTime struct {
	Name string    `bson:"n"`
	At   time.Time `bson:"t"`
}

func encodeTimes(ec bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	times, ok := reflect.TypeAssert[map[string]time.Time](v)
	if !ok {
		return fmt.Errorf("encoding times: got %s", v.Type())
	}
	if times == nil {
		return w.WriteNull()
	}
	items := make([]namedTime, 0, len(times))
	for _, name := range slices.Sorted(maps.Keys(times)) {
		items = append(items, namedTime{Name: name, At: times[name]})
	}
	encoder, err := ec.LookupEncoder(reflect.TypeOf(items))
	if err != nil {
		return err
	}
	return encoder.EncodeValue(ec, w, reflect.ValueOf(items))
}

func decodeTimes(dc bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
	if r.Type() == bson.TypeNull {
		v.SetZero()
		return r.ReadNull()
	}
	var items []namedTime
	decoder, err := dc.LookupDecoder(reflect.TypeOf(items))
	if err != nil {
		return err
	}
	if err := decoder.DecodeValue(dc, r, reflect.ValueOf(&items).Elem()); err != nil {
		return err
	}
	times := make(map[string]time.Time, len(items))
	for _, item := range items {
		times[item.Name] = item.At
	}
	v.Set(reflect.ValueOf(times))
	return nil
}

func encodeText(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	if v.IsNil() {
		return w.WriteNull()
	}
	return w.WriteString(string(v.Bytes()))
}

func decodeText(_ bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
	if r.Type() == bson.TypeNull {
		v.SetZero()
		return r.ReadNull()
	}
	text, err := r.ReadString()
	if err == nil {
		v.SetBytes([]byte(text))
	}
	return err
}

func encode(v any) (bson.Raw, error) {
	var b bytes.Buffer
	encoder := bson.NewEncoder(bson.NewDocumentWriter(&b))
	encoder.SetRegistry(registry)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding a document: %w", err)
	}
	return b.Bytes(), nil
}

// decode decodes a document. The driver decodes a value in memory faster than a document from a stream.
func decode(raw bson.Raw, into any) error {
	value := bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw}
	if err := value.UnmarshalWithRegistry(registry, into); err != nil {
		return fmt.Errorf("decoding a document: %w", err)
	}
	return nil
}
