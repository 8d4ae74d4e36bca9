// Package sysclock implements ports.Clock with the system clock.
package sysclock

import "time"

// Clock is the system's clock; the zero value is ready. It implements ports.Clock.
type Clock struct{}

// Now returns the present time, with a monotonic reading, so that differences survive a step of the clock.
func (Clock) Now() time.Time {
	return time.Now() //nolint:forbidigo // the one place that asks the machine
}
