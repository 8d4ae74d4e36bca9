package console

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// The protocol is HTTP on the socket: POST /v1/operations/<name> with the input, answered by lines of JSON, any number
// of which tell progress; the last has the output or the failure. The version is in the path.
const (
	operationsPath = "/v1/operations/"
	contentType    = "application/x-ndjson"
	maxLine        = 64 << 20
)

// line is one line of an answer. One of its members is set.
type line struct {
	Progress *Progress       `json:"progress,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Failure  *failure        `json:"failure,omitempty"`
}

// failure is the encoding of a fault. Unlike the APIs it includes the private cause: the client is the operator, who
// can read the log.
type failure struct {
	Kind    fault.Kind     `json:"kind"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Details []detail       `json:"details,omitempty"`
	Extra   map[string]any `json:"extra,omitempty"`
	Retry   time.Duration  `json:"retry_ns,omitempty"`
	Cause   string         `json:"cause,omitempty"`
}

type detail struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func failureOf(err error) *failure {
	f := fault.Of(err)
	out := &failure{
		Kind: f.Kind, Code: f.Code, Message: f.Message, Extra: f.Extra(), Retry: f.RetryAfter(),
	}
	for _, d := range f.Details() {
		out.Details = append(out.Details, detail(d))
	}
	if cause := f.Unwrap(); cause != nil {
		out.Cause = cause.Error()
	}
	return out
}

// fault returns the fault again. It is equal to the declared one in kind, code and message, but not for errors.Is.
func (f *failure) fault() error {
	e := fault.New(f.Kind, f.Code, f.Message).After(f.Retry)
	for _, d := range f.Details {
		e = e.About(d.Field, d.Reason)
	}
	for key, value := range f.Extra {
		e = e.With(key, value)
	}
	if f.Cause != "" {
		e = e.Because(errors.New(f.Cause))
	}
	return e
}
