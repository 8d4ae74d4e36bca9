package operator

import "github.com/ostiary/ostiary/core/fault"

// Class is a sort of failure that a script can tell by the exit code.
type Class int

// The classes of failure.
const (
	Failed      Class = iota // for a reason that is ours
	NotFound                 // what was named is not there
	Refused                  // a rule says no, or it does not fit what is there
	Unavailable              // something that is needed does not answer
)

// Problem is a failed operation in words.
type Problem struct {
	Class   Class
	Code    string
	Message string
	Details []string // "field: reason"
	Cause   string   // for the operator alone; empty where there is none
}

// Explain says what an operation failed of.
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
