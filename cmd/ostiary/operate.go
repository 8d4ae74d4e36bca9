package main

import (
	"context"

	"github.com/ostiary/ostiary/modules/operator"
	"github.com/ostiary/ostiary/modules/product"
)

// operate calls do with a session of the running server, or with the services in this process if no server is running.
func (a *app) operate(ctx context.Context, do func(on operator.Caller) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	session, err := operator.Open(ctx, c, product.Services(c))
	if err != nil {
		return err
	}
	done := do(session)
	if err := session.Close(context.WithoutCancel(ctx)); err != nil && done == nil {
		return err
	}
	return done
}
