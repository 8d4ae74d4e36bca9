// Package sealed stores the private state of services encrypted: values that only the service that wrote them reads,
// such as queued messages and flows of a login. The encoding is JSON; the names of stored members must not change.
package sealed

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/ports"
)

// ErrForm means that a value was opened and is not of the expected form.
var ErrForm = errors.New("a sealed value of another form")

// Seal encrypts a value under its binding.
func Seal(sealer ports.Sealer, binding string, value any) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", value, err)
	}
	box, err := sealer.Seal(plain, binding)
	if err != nil {
		return nil, fmt.Errorf("sealing %T: %w", value, err)
	}
	return box, nil
}

// Open decrypts a value of Seal into the pointer. A value of another form is ErrForm.
func Open(sealer ports.Sealer, binding string, box []byte, into any) error {
	plain, err := sealer.Open(box, binding)
	if err != nil {
		return fmt.Errorf("opening %T: %w", into, err)
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return ErrForm // the cause could quote the value
	}
	return nil
}
