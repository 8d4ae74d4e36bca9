package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
)

const healthTimeout = 4 * time.Second

// unhealthyError reports that the server on this machine is not ready.
type unhealthyError struct{ reason string }

func (e unhealthyError) Error() string { return "the server is not ready: " + e.reason }

func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Check whether the local server is ready",
		Long: `Sends GET /readyz to the local server that the configuration describes, which reports whether its
store is reachable. Exits with 0 or 6, for health checks in containers that contain only this
program.`,
		Example: "  HEALTHCHECK CMD [\"/ostiary\", \"health\"]",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			configuration, err := a.load()
			if err != nil {
				return err
			}
			return askReady(c.Context(), configuration)
		},
	}
}

func askReady(ctx context.Context, c config.Config) error {
	host, port, err := net.SplitHostPort(c.HTTP.Address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme, transport := "http", &http.Transport{}
	if c.HTTP.TLS.Enabled() {
		scheme = "https"
		// The certificate is for the public name, not for localhost; the request contains no secret.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz",
		http.NoBody)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return unhealthyError{"no response from " + c.HTTP.Address}
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return unhealthyError{fmt.Sprintf("status %d", answer.StatusCode)}
	}
	return nil
}
