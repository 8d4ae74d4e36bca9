package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
	"github.com/ostiary/ostiary/modules"
	"github.com/ostiary/ostiary/modules/localapi"
)

// callAPI calls do with a client of the operator API of the running server, or of the services in this process if no
// server is running.
func (a *app) callAPI(ctx context.Context, do func(api *securityclient.Client) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	session, err := localapi.Open(ctx, c, modules.Services(c))
	if err != nil {
		return err
	}
	done := do(securityclient.New(session))
	if err := session.Close(context.WithoutCancel(ctx)); err != nil && done == nil {
		return err
	}
	return done
}

// onAPI returns the function of a command that only calls the API.
func (a *app) onAPI(
	do func(ctx context.Context, api *securityclient.Client, given []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, given []string) error {
		return a.callAPI(c.Context(), func(api *securityclient.Client) error { return do(c.Context(), api, given) })
	}
}

// allPages returns the items of all pages of a list.
func allPages[T any](page func(cursor *string) (items []T, next *string, err error)) ([]T, error) {
	all := []T{}
	for cursor := (*string)(nil); ; {
		items, next, err := page(cursor)
		all = append(all, items...)
		if err != nil || next == nil {
			return all, err
		}
		cursor = next
	}
}
