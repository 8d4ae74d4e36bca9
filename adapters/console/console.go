package console

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// ErrUnknownOperation is an operation that this version or configuration of the service does not have.
var ErrUnknownOperation = fault.New(fault.NotFound, "unknown_operation", "The service has no such operation")

// Console does operations in its own process.
type Console struct {
	ids      ports.IDs
	handlers map[string]Handler
}

var _ Caller = (*Console)(nil)

// New returns a console with these operations. Two of one name are an error.
func New(ids ports.IDs, handlers ...Handler) (*Console, error) {
	c := &Console{ids: ids, handlers: map[string]Handler{}}
	for _, h := range handlers {
		if _, taken := c.handlers[h.name]; taken {
			return nil, fmt.Errorf("console: two operations %s", h.name)
		}
		c.handlers[h.name] = h
	}
	return c, nil
}

// Do does one operation as the operator, under a request id of its own.
func (c *Console) Do(ctx context.Context, req Request) (Answer, error) {
	h, ok := c.handlers[req.Operation]
	if !ok {
		return Answer{}, ErrUnknownOperation.With("operation", req.Operation)
	}
	by := domain.Operator()
	by.Origin = domain.Origin{UserAgent: "ostiary command line", RequestID: c.ids.NewID("req_")}
	out, err := h.run(ctx, Call{by, req.Progress}, req.Input)
	if err != nil {
		return Answer{}, err
	}
	output, err := json.Marshal(out)
	if err != nil {
		return Answer{}, fmt.Errorf("encoding the output of %s: %w", req.Operation, err)
	}
	return Answer{output}, nil
}
