// Command clients makes calls with the clients that oapi-codegen generated from the two documents.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"example.com/clients/security"
	"example.com/clients/users"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, name, password string) error {
	first, err := security.NewClientWithResponses(root + "/api/v1/security")
	if err != nil {
		return err
	}
	signed, err := first.LoginWithResponse(ctx, security.LoginRequest{Username: &name, Password: password})
	if err != nil {
		return err
	}
	if signed.JSON200 == nil {
		return fmt.Errorf("login: %s", signed.Body)
	}
	bearer := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+signed.JSON200.AccessToken)
		return nil
	}
	verified, err := first.VerifyWithResponse(ctx, bearer)
	if err != nil {
		return err
	}
	if verified.JSON200 == nil {
		return fmt.Errorf("verify: %s", verified.Body)
	}
	introspected, err := first.IntrospectWithResponse(ctx,
		security.IntrospectRequest{Token: signed.JSON200.AccessToken}, bearer)
	if err != nil {
		return err
	}
	if introspected.JSON200 == nil {
		return fmt.Errorf("introspect: %s", introspected.Body)
	}
	keys, err := first.KeySetWithResponse(ctx)
	if err != nil {
		return err
	}
	if keys.JSON200 == nil {
		return fmt.Errorf("keys: %s", keys.Body)
	}
	second, err := users.NewClientWithResponses(root + "/api/users")
	if err != nil {
		return err
	}
	logged, err := second.LoginWithResponse(ctx, users.Login{Username: &name, Password: password})
	if err != nil {
		return err
	}
	if logged.JSON200 == nil {
		return fmt.Errorf("login: %s", logged.Body)
	}
	fmt.Println(verified.JSON200.Username, introspected.JSON200.Active, len(keys.JSON200.Keys) > 0, logged.JSON200.Role)
	return nil
}
