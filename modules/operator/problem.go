package operator

import "github.com/ostiary/ostiary/core/fault"

// Class is a kind of failure that a script can distinguish by the exit code.
type Class int

// The kinds of failure.
const (
	Failed      Class = iota // an internal error
	NotFound                 // the named object does not exist
	Refused                  // a rule forbids it, or it conflicts with the current state
	Unavailable              // a dependency does not respond
)

// Problem is the description of a failed operation.
type Problem struct {
	Class   Class
	Code    string
	Message string
	Details []string // "field: reason"
	Cause   string   // for the operator only; may be empty
}

// Explain returns the description of an operation's error.
func Explain(err error) Problem {
	f := fault.Of(err)
	p := Problem{Class: classOf(f.Kind), Code: f.Code, Message: f.Message}
	for _, d := range f.Details() {
		p.Details = append(p.Details, d.Field+": "+d.Reason)
	}
	if cause := f.Unwrap(); cause != nil {
		p.Cause = cause.Error()
	}
	return p
}

func classOf(kind fault.Kind) Class {
	switch kind {
	case fault.NotFound:
		return NotFound
	case fault.Unavailable, fault.RequestTimeout:
		return Unavailable
	case fault.Internal:
		return Failed
	default:
		return Refused
	}
}
