package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Request asks for one operation.
type Request struct {
	Operation string
	Input     json.RawMessage
	// Progress is called with the progress of a long operation. It may be nil.
	Progress func(Progress)
}

// Progress is the progress of an operation. Total is 0 if it is unknown.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"`
	What  string `json:"what,omitempty"`
}

// Answer is what an operation gave, in JSON.
type Answer struct {
	Output json.RawMessage
}

// Caller does what is asked for. Its errors are faults.
type Caller interface {
	Do(ctx context.Context, req Request) (Answer, error)
}

// Call is one call as the function behind an operation sees it.
type Call struct {
	By       domain.Principal // the operator
	progress func(Progress)
}

// Report reports the progress of the operation to the caller.
func (c Call) Report(p Progress) {
	if c.progress != nil {
		c.progress(p)
	}
}

// Operation is one thing that an operator can do. Both types travel as JSON.
type Operation[In, Out any] struct {
	name string
}

// Define declares an operation under a name such as "user.create".
func Define[In, Out any](name string) Operation[In, Out] { return Operation[In, Out]{name} }

// Name returns the name.
func (o Operation[In, Out]) Name() string { return o.name }

// Call does the operation.
func (o Operation[In, Out]) Call(ctx context.Context, on Caller, in In, progress func(Progress)) (Out, error) {
	var out Out
	input, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("encoding the input of %s: %w", o.name, err)
	}
	answer, err := on.Do(ctx, Request{Operation: o.name, Input: input, Progress: progress})
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(answer.Output, &out); err != nil {
		return out, fmt.Errorf("decoding the output of %s: %w", o.name, err)
	}
	return out, nil
}

// Handler is an operation with the function that does it.
type Handler struct {
	name string
	run  func(ctx context.Context, call Call, input json.RawMessage) (any, error)
}

// Handle gives the operation its function.
func (o Operation[In, Out]) Handle(do func(ctx context.Context, call Call, in In) (Out, error)) Handler {
	return Handler{o.name, func(ctx context.Context, call Call, input json.RawMessage) (any, error) {
		var in In
		if err := decode(input, &in); err != nil {
			return nil, err
		}
		return do(ctx, call, in)
	}}
}

// decode is strict: the two sides may be of different versions, and what one of them does not know must not be dropped
// in silence.
func decode(input json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fault.ErrInvalid.About("input", "is not what this version of the service takes").Because(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.ErrInvalid.About("input", "goes on after its end")
	}
	return nil
}
